"""Do the fast and the strict reader say the same of every file? Corpus, generator, mutator, comparison and the long run."""
