/* SPDX-License-Identifier: Apache-2.0 */
/* The documents around replies and errors, in each form. */
#include "sim/wire.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/error.h"
#include "sim/params.h"
#include "sim/xmlout.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

static const char *const types[SIM_WIRE_COUNT] = {
	[SIM_WIRE_EC2] = "text/xml;charset=UTF-8",
	[SIM_WIRE_QUERY] = "text/xml",
	[SIM_WIRE_JSON] = "application/x-amz-json-1.1",
};

/* What EC2 says, and what the others say instead. Status 0: as it was. */
static const struct {
	enum sim_wire wire;
	enum sim_code ec2;
	const char *code;
	int status;
} words[] = {
	{SIM_WIRE_QUERY, SIM_MISSING_PARAMETER, "ValidationError", 400},
	{SIM_WIRE_QUERY, SIM_INVALID_PARAMETER_VALUE, "ValidationError", 400},
	{SIM_WIRE_QUERY, SIM_REQUEST_EXPIRED, "SignatureDoesNotMatch", 403},
	{SIM_WIRE_QUERY, SIM_REQUEST_IN_THE_FUTURE, "SignatureDoesNotMatch", 403},
	{SIM_WIRE_QUERY, SIM_EXPIRED_TOKEN, "ExpiredToken", 403},
	{SIM_WIRE_QUERY, SIM_REQUEST_LIMIT_EXCEEDED, "Throttling", 400},
	{SIM_WIRE_QUERY, SIM_UNAUTHORIZED_OPERATION, "AccessDenied", 403},
	{SIM_WIRE_JSON, SIM_MISSING_PARAMETER, "ValidationException", 400},
	{SIM_WIRE_JSON, SIM_INVALID_PARAMETER_VALUE, "ValidationException", 400},
	{SIM_WIRE_JSON, SIM_UNKNOWN_PARAMETER, "ValidationException", 400},
	{SIM_WIRE_JSON, SIM_INVALID_ACTION, "UnknownOperationException", 400},
	{SIM_WIRE_JSON, SIM_INVALID_CLIENT_TOKEN_ID, "UnrecognizedClientException",
		400},
	{SIM_WIRE_JSON, SIM_SIGNATURE_DOES_NOT_MATCH, "InvalidSignatureException", 400},
	{SIM_WIRE_JSON, SIM_REQUEST_EXPIRED, "InvalidSignatureException", 400},
	{SIM_WIRE_JSON, SIM_REQUEST_IN_THE_FUTURE, "InvalidSignatureException", 400},
	{SIM_WIRE_JSON, SIM_INCOMPLETE_SIGNATURE, "IncompleteSignatureException", 400},
	{SIM_WIRE_JSON, SIM_MISSING_AUTHENTICATION_TOKEN,
		"MissingAuthenticationTokenException", 400},
	{SIM_WIRE_JSON, SIM_EXPIRED_TOKEN, "ExpiredTokenException", 400},
	{SIM_WIRE_JSON, SIM_REQUEST_LIMIT_EXCEEDED, "ThrottlingException", 400},
	{SIM_WIRE_JSON, SIM_UNAUTHORIZED_OPERATION, "AccessDeniedException", 400},
};

static enum sim_wire
wire_of(const struct sim_service *service)
{
	return service != NULL ? service->wire : SIM_WIRE_EC2;
}

const char *
sim_wire_type(const struct sim_service *service)
{
	return types[wire_of(service)];
}

void
sim_wire_open(const struct sim_service *service, const struct sim_action *action,
	const char *request_id, struct buf *out)
{
	switch (service->wire) {
	case SIM_WIRE_EC2:
		buf_printf(out,
			SIM_XML_DECLARATION
			"<%sResponse xmlns=\"%s\"><requestId>%s</requestId>",
			action->name, service->xmlns, request_id);
		break;
	case SIM_WIRE_QUERY:
		buf_printf(out, "<%sResponse xmlns=\"%s\"><%sResult>", action->name,
			service->xmlns, action->name);
		break;
	case SIM_WIRE_JSON:
	case SIM_WIRE_COUNT: break;
	}
}

void
sim_wire_close(const struct sim_service *service, const struct sim_action *action,
	const char *request_id, struct buf *out)
{
	switch (service->wire) {
	case SIM_WIRE_EC2: buf_printf(out, "</%sResponse>", action->name); break;
	case SIM_WIRE_QUERY:
		buf_printf(out, "</%sResult><ResponseMetadata>", action->name);
		sim_xml_text(out, "RequestId", request_id);
		buf_printf(out, "</ResponseMetadata></%sResponse>", action->name);
		break;
	case SIM_WIRE_JSON:
	case SIM_WIRE_COUNT: break;
	}
}

static void
translate(enum sim_wire wire, struct sim_error *error)
{
	for (size_t n = 0; n < COUNT_OF(words); n++) {
		if (words[n].wire != wire ||
			strcmp(sim_code_name(words[n].ec2), error->code) != 0)
			continue;
		(void)snprintf(error->code, sizeof(error->code), "%s", words[n].code);
		error->status = words[n].status;
		return;
	}
}

static void
put_ec2_error(const struct sim_error *error, const char *request_id, struct buf *out)
{
	buf_puts(out, SIM_XML_DECLARATION "<Response><Errors><Error>");
	sim_xml_text(out, "Code", error->code);
	sim_xml_text(out, "Message", error->message);
	buf_puts(out, "</Error></Errors>");
	sim_xml_text(out, "RequestID", request_id);
	buf_puts(out, "</Response>");
}

static void
put_query_error(const struct sim_service *service, const struct sim_error *error,
	const char *request_id, struct buf *out)
{
	buf_printf(out, "<ErrorResponse xmlns=\"%s\"><Error>", service->xmlns);
	sim_xml_text(out, "Type", error->status < 500 ? "Sender" : "Receiver");
	sim_xml_text(out, "Code", error->code);
	sim_xml_text(out, "Message", error->message);
	buf_puts(out, "</Error>");
	sim_xml_text(out, "RequestId", request_id);
	buf_puts(out, "</ErrorResponse>");
}

static void
put_json_error(const struct sim_error *error, struct buf *out)
{
	json_t *object = json_pack("{s:s,s:s}", "__type", error->code, "message",
		error->message);
	char *text = json_dumps(object, JSON_COMPACT);

	buf_puts(out, text);
	free(text);
	json_decref(object);
}

void
sim_wire_error(const struct sim_service *service, struct sim_error *error,
	const char *request_id, struct buf *out)
{
	enum sim_wire wire = wire_of(service);

	translate(wire, error);
	switch (wire) {
	case SIM_WIRE_EC2: put_ec2_error(error, request_id, out); break;
	case SIM_WIRE_QUERY: put_query_error(service, error, request_id, out); break;
	case SIM_WIRE_JSON: put_json_error(error, out); break;
	case SIM_WIRE_COUNT: break;
	}
}

static void
put_encoded(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

static void
put_param(struct buf *form, const char *name, const char *value)
{
	if (form->len > 0)
		buf_putc(form, '&');
	put_encoded(form, name);
	buf_putc(form, '=');
	put_encoded(form, value);
}

/* -1: a value that is no scalar. */
static int
put_members(struct buf *form, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		AUTO(free) char *text = NULL;

		if (json_is_string(value))
			text = xstrdup(json_string_value(value));
		else if (json_is_boolean(value))
			text = xstrdup(json_is_true(value) ? "true" : "false");
		else if (json_is_integer(value))
			text = xasprintf("%lld", (long long)json_integer_value(value));
		else
			return -1;
		put_param(form, name, text);
	}
	return 0;
}

int
sim_wire_read_json(const char *target, const char *body, size_t len,
	struct sim_params *ret_params, struct sim_error *error)
{
	const char *dot = strchr(target, '.');
	json_t *object = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	AUTO(buf) struct buf form = {0};
	int ret = -1;

	put_param(&form, "Action", dot != NULL ? dot + 1 : target);
	if (json_is_object(object))
		ret = put_members(&form, object);
	json_decref(object);
	if (ret != 0)
		return sim_fail(error, SIM_SERIALIZATION_EXCEPTION,
			"The body is not an object of scalars");
	return sim_params_parse(buf_str(&form), form.len, ret_params, error);
}
