# src/core/instance.c: a worker is offered before it has its address and its volumes.
s/if (i->launch->holds)$/if (i->launch->holds \&\& i->tries > 9)/
