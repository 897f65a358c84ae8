/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"
#include "base/mem.h"
#include "unit.h"

#include <stdlib.h>

void
certificate_make(const char *dir)
{
	AUTO(free)
	char *command = xasprintf("cd %s && openssl req -x509 -newkey ec -pkeyopt "
				  "ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
				  "-out cert.pem -days 2 -subj /CN=localhost -addext "
				  "subjectAltName=DNS:localhost 2>openssl.log",
		dir);

	ck_assert_msg(system(command) == 0, "openssl(1) is needed; see %s/openssl.log",
		dir);
}
