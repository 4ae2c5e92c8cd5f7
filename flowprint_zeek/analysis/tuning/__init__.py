"""The search for the parameters that tell labelled captures apart best."""
