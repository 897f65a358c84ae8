/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"
#include "base/mem.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
run_openssl(const char *dir)
{
	AUTO(free) char *key = xasprintf("%s/key.pem", dir);
	AUTO(free) char *cert = xasprintf("%s/cert.pem", dir);
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
		"-days", "2", "-subj", "/CN=localhost", "-addext",
		"subjectAltName=DNS:localhost", (char *)NULL);
	_exit(127);
}

void
certificate_make(const char *dir)
{
	pid_t pid = fork();
	int status = 0;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_openssl(dir);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "openssl(1) is needed and failed: status %d",
		status);
}
