# src/core/instance.c: the name is free as soon as the instance is condemned.
s/^\t\ti->launch->unwanted = true;$/&\n\t\tlaunch_release_name(i->launch);/
