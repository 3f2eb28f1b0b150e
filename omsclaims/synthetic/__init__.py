"""What does the engine run on when nobody may see real data? A made-up territory with its truth beside it, built from a seed."""
