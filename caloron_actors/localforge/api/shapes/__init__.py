"""Rows as GitHub shows them: one file per thing, its structs and the function that fills them."""
