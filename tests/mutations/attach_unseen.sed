# src/core/equip.c: an accepted attach is taken for a volume that is attached.
s/^\tlook_soon(e);$/\thave_it(e);/
