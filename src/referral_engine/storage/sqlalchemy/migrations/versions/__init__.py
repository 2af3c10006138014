"""The scripts of the revisions, one file each; what is released is never edited.

One that adds columns and tables reads like `revision_0002`: it writes both with the words of `frozen`, names the tables
of the revision before that it extends, says what a new column holds in the rows that there are, and changes further
rows by `steps.op.execute`, in a way that may be repeated.
"""
