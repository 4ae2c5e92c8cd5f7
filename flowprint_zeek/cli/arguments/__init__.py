"""What each command is called and takes. Nothing heavy is imported here, NumPy for one.

A command's help, and a wrong option, are told before the command itself is imported.
"""
