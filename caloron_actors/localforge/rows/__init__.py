"""The forge's rows: one file per table, plain functions that run inside a transaction of `store`."""
