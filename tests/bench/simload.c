/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many RunInstances a second ec2sim takes: simload PORT [CONNECTIONS [REQUESTS]].
 * All requests are signed beforehand, each with a token and tags of its own; each
 * connection has one under way. Fails if any answer is not a 200.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/crypto.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define REPLY_MAX 65536
#define SIGNED "content-type;host;x-amz-date"
#define TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define TAG(n, key)                                                                    \
	"&TagSpecification.1.Tag." n ".Key=" key "&TagSpecification.1.Tag." n ".Value="

struct connection {
	int fd;
	char reply[REPLY_MAX];
	size_t len;
	int64_t sent_us;
};

struct load {
	struct buf *requests; /* owned array */
	size_t count, next, done, failed;
	int64_t *took_us; /* owned array, of each answer */
};

static void
make_body(struct buf *b, size_t n)
{
	char token[CRYPTO_UUID_SIZE];

	buf_printf(b,
		"Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1"
		"&ImageId=ami-0123456789abcdef0&InstanceType=c7i.xlarge&KeyName=key"
		"&SecurityGroupId.1=sg-0123456789abcdef0&SubnetId=subnet-0123456789abcdef0"
		"&ClientToken=%s&InstanceInitiatedShutdownBehavior=terminate"
		"&MetadataOptions.HttpTokens=required&TagSpecification.1.ResourceType=instance" TAG(
			"1", "Name") "linux-%zu" TAG("2",
			"ec2workerd%%3Apool") "linux-master" TAG("3",
			"ec2workerd%%3Aworker") "linux-%zu" TAG("4",
			"ec2workerd%%3Ageneration") "17" TAG("5",
			"ec2workerd%%3Alaunch") "%zu"
						"&UserData=IyEvYmluL3NoCmV4ZWMgL3Vzci9iaW4vYnVpbGRib3Qtd29ya2VyIHN0YXJ0Cg%%3D%%3D",
		crypto_uuid(token), n, n, n);
}

static void
derive(const char *date, unsigned char key[CRYPTO_SHA256_SIZE])
{
	const char *parts[] = {date, "us-east-1", "ec2", "aws4_request"};
	unsigned char next[CRYPTO_SHA256_SIZE];

	memcpy(key, "AWS4test", 8);
	for (size_t n = 0; n < COUNT_OF(parts); n++) {
		crypto_hmac_sha256(key, n == 0 ? 8 : CRYPTO_SHA256_SIZE, parts[n],
			strlen(parts[n]), next);
		memcpy(key, next, sizeof(next));
	}
}

static void
make_request(struct buf *out, size_t n, unsigned port, const char *amz,
	const unsigned char key[CRYPTO_SHA256_SIZE])
{
	AUTO(buf) struct buf body = {0};
	AUTO(buf) struct buf text = {0};
	unsigned char mac[CRYPTO_SHA256_SIZE];
	char hex[CRYPTO_HEX_SIZE];

	make_body(&body, n);
	buf_printf(&text,
		"POST\n/\n\ncontent-type:" TYPE
		"\nhost:127.0.0.1:%u\nx-amz-date:%s\n\n" SIGNED "\n%s",
		port, amz, crypto_sha256_hex(body.data, body.len, hex));
	crypto_sha256_hex(text.data, text.len, hex);
	buf_clear(&text);
	buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/us-east-1/ec2/aws4_request\n%s",
		amz, amz, hex);
	crypto_hmac_sha256(key, CRYPTO_SHA256_SIZE, text.data, text.len, mac);
	crypto_hex(mac, sizeof(mac), hex);
	buf_printf(out,
		"POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: " TYPE
		"\r\nX-Amz-Date: %s\r\nAuthorization: AWS4-HMAC-SHA256 "
		"Credential=AK/%.8s/us-east-1/ec2/aws4_request, SignedHeaders=" SIGNED
		", Signature=%s\r\nContent-Length: %zu\r\n\r\n%s",
		port, amz, amz, hex, body.len, body.data);
}

static void
prepare(struct load *load, unsigned port)
{
	unsigned char key[CRYPTO_SHA256_SIZE];
	char iso[CLOCK_TEXT_SIZE];
	char amz[CLOCK_TEXT_SIZE];

	clock_format(clock_wall_ms(), iso);
	snprintf(amz, sizeof(amz), "%.4s%.2s%.2sT%.2s%.2s%.2sZ", iso, iso + 5, iso + 8,
		iso + 11, iso + 14, iso + 17);
	amz[8] = '\0';
	derive(amz, key);
	amz[8] = 'T';
	load->requests = xcalloc(load->count, sizeof(*load->requests));
	load->took_us = xcalloc(load->count, sizeof(*load->took_us));
	for (size_t n = 0; n < load->count; n++)
		make_request(&load->requests[n], n, port, amz, key);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
dial(unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("simload: connect");
		exit(1);
	}
	return fd;
}

static bool
send_next(struct load *load, struct connection *c)
{
	const struct buf *request;

	if (load->next == load->count)
		return false;
	request = &load->requests[load->next++];
	c->len = 0;
	c->sent_us = now_us();
	return send(c->fd, request->data, request->len, MSG_NOSIGNAL) ==
		(ssize_t)request->len;
}

/* Whether the answer is whole. */
static bool
receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->reply + c->len, REPLY_MAX - 1 - c->len, 0);
	const char *body;
	const char *length;

	if (n <= 0) {
		fprintf(stderr, "simload: the connection ended\n");
		exit(1);
	}
	c->len += (size_t)n;
	c->reply[c->len] = '\0';
	body = strstr(c->reply, "\r\n\r\n");
	length = strcasestr(c->reply, "Content-Length: ");
	return body != NULL && length != NULL && length < body &&
		c->len >=
		(size_t)(body + 4 - c->reply) + strtoul(length + 16, NULL, 10);
}

static void
run(struct load *load, struct connection *connections, size_t count)
{
	struct pollfd fds[CONNECTIONS_MAX];

	for (size_t n = 0; n < count; n++) {
		fds[n] = (struct pollfd){.fd = connections[n].fd, .events = POLLIN};
		send_next(load, &connections[n]);
	}
	while (load->done < load->count) {
		poll(fds, count, -1);
		for (size_t n = 0; n < count; n++) {
			struct connection *c = &connections[n];

			if (fds[n].revents == 0 || !receive(c))
				continue;
			load->took_us[load->done++] = now_us() - c->sent_us;
			load->failed += strncmp(c->reply, "HTTP/1.1 200", 12) != 0;
			if (!send_next(load, c))
				fds[n].events = 0;
		}
	}
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	unsigned port = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5000;
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 4;
	struct load load = {.count = argc > 3 ? strtoul(argv[3], NULL, 10) : 20000};
	struct connection *connections = xcalloc(CONNECTIONS_MAX, sizeof(*connections));
	int64_t start;
	int64_t took;

	if (count == 0 || count > CONNECTIONS_MAX || load.count == 0)
		return 2;
	prepare(&load, port);
	for (size_t n = 0; n < count; n++)
		connections[n].fd = dial(port);
	start = now_us();
	run(&load, connections, count);
	took = now_us() - start;
	qsort(load.took_us, load.count, sizeof(*load.took_us), by_size);
	printf("%zu RunInstances on %zu connections in %.2f s: %.0f a second, p50 %.2f ms, "
	       "p99 %.2f ms, %zu failed\n",
		load.count, count, (double)took / 1e6,
		(double)load.count * 1e6 / (double)took,
		(double)load.took_us[load.count / 2] / 1e3,
		(double)load.took_us[load.count * 99 / 100] / 1e3, load.failed);
	for (size_t n = 0; n < load.count; n++)
		buf_fini(&load.requests[n]);
	free(load.requests);
	free(load.took_us);
	free(connections);
	return load.failed == 0 ? 0 : 1;
}
