"""Pure rendering of domain values: prompts, results and reports."""
