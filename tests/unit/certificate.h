/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate for localhost, signed by itself: its file is also the CA to trust.
 */
#ifndef TESTS_CERTIFICATE_H
#define TESTS_CERTIFICATE_H

/* Makes dir/cert.pem and dir/key.pem by openssl(1). */
void certificate_make(const char *dir);

#endif
