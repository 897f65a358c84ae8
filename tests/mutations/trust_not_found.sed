# src/core/observe.c: one NotFound is taken for a proof.
s/i->not_found >= NOT_FOUND_TIMES && i->absent &&$/true ||/
