/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name for this boot of the system: another one means that the boottime clock began anew.
 */
#ifndef SYS_BOOT_H
#define SYS_BOOT_H

#define BOOT_NAME_SIZE 37 /* with NUL */

/*
 * The kernel's boot_id, read from path (NULL: where it is). A unit with ProcSubset=pid hides
 * it: then a name of our own, kept in the file "boot" of the directory that systemd gives
 * us ($RUNTIME_DIRECTORY), which is empty after a boot. Without either each call is a boot
 * of its own.
 */
void boot_name(const char *path, char out[static BOOT_NAME_SIZE]);

#endif
