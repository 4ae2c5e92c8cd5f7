"""Flows as words: a token a flow, sentences of neighbouring flows, and vectors of the tokens.

Data goes this way: `reading` yields flows, `sentences` sorts them, `tokens` names them, `corpus`
keeps the sentences on disk, `training` makes an `embedding` of them, which `modelfile` keeps.
What people ask of one: `clusters`, `picture` with `page`, `search`, `purity`, `nearest`.
"""
