/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables decide: code to class, and class to verdict and reason. The code is looked at
 * before the HTTP status, for EC2 sends capacity and throttling as 5xx.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
#include "ec2/verdict.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/client.h"
#include "ec2/reply.h"
#include "sys/http.h"

#include <string.h>

static const struct {
	const char *name;
	bool names_thing; /* its request names an instance, so "not found" can be meant */
} actions[EC2_ACTION_COUNT] = {
	[EC2_RUN_INSTANCES] = {"RunInstances", false},
	[EC2_DESCRIBE_INSTANCES] = {"DescribeInstances", true},
	[EC2_TERMINATE_INSTANCES] = {"TerminateInstances", true},
	[EC2_GET_CONSOLE_OUTPUT] = {"GetConsoleOutput", true},
	[EC2_DESCRIBE_IMAGES] = {"DescribeImages", false},
	[EC2_DESCRIBE_PRICES] = {"DescribeSpotPriceHistory", false},
	[EC2_DESCRIBE_SUBNETS] = {"DescribeSubnets", false},
	[EC2_DESCRIBE_VOLUMES] = {"DescribeVolumes", false},
	[EC2_DESCRIBE_ADDRESSES] = {"DescribeAddresses", false},
	[EC2_DESCRIBE_KEY_PAIRS] = {"DescribeKeyPairs", false},
	[EC2_DESCRIBE_GROUPS] = {"DescribeSecurityGroups", false},
	[EC2_DESCRIBE_TYPES] = {"DescribeInstanceTypes", false},
	[EC2_DESCRIBE_OFFERINGS] = {"DescribeInstanceTypeOfferings", false},
	[EC2_DESCRIBE_ZONES] = {"DescribeAvailabilityZones", false},
	[EC2_ASSOCIATE_ADDRESS] = {"AssociateAddress", true},
	[EC2_ATTACH_VOLUME] = {"AttachVolume", true},
	[EC2_GET_PARAMETER] = {"GetParameter", false},
	[EC2_CREATE_TAGS] = {"CreateTags", true},
	[EC2_DELETE_VOLUME] = {"DeleteVolume", false},
	[EC2_DESCRIBE_REQUESTS] = {"DescribeSpotInstanceRequests", false},
	[EC2_CANCEL_REQUESTS] = {"CancelSpotInstanceRequests", false},
};

/* A star at the end stands for any rest. */
static const struct {
	const char *code;
	enum ec2_class class;
} codes[] = {
	{"RequestLimitExceeded", EC2_CLASS_THROTTLE},
	{"Throttling", EC2_CLASS_THROTTLE},
	{"ThrottlingException", EC2_CLASS_THROTTLE},
	{"ThrottledException", EC2_CLASS_THROTTLE},
	{"RequestThrottled", EC2_CLASS_THROTTLE},
	{"RequestThrottledException", EC2_CLASS_THROTTLE},
	{"TooManyRequestsException", EC2_CLASS_THROTTLE},
	{"SlowDown", EC2_CLASS_THROTTLE},
	{"BandwidthLimitExceeded", EC2_CLASS_THROTTLE},
	{"EC2ThrottledException", EC2_CLASS_THROTTLE},
	{"PriorRequestNotComplete", EC2_CLASS_THROTTLE},
	{"ProvisionedThroughputExceeded*", EC2_CLASS_THROTTLE},

	{"RequestTimeout", EC2_CLASS_PASSING},
	{"RequestTimeoutException", EC2_CLASS_PASSING},
	{"InternalError", EC2_CLASS_PASSING},
	{"InternalFailure", EC2_CLASS_PASSING},
	{"InternalServerError", EC2_CLASS_PASSING},
	{"ServerInternal", EC2_CLASS_PASSING},
	{"ServiceUnavailable", EC2_CLASS_PASSING},
	{"Unavailable", EC2_CLASS_PASSING},

	{"InsufficientInstanceCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientHostCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientVolumeCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientAddressCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientReservedInstanceCapacity", EC2_CLASS_CAPACITY},
	{"InsufficientCapacityOnHost", EC2_CLASS_CAPACITY},
	{"UnfulfillableCapacity", EC2_CLASS_CAPACITY},
	{"ReservationCapacityExceeded", EC2_CLASS_CAPACITY},
	{"MaxSpotInstanceCountExceeded", EC2_CLASS_CAPACITY},
	{"MaxFleetCountExceeded", EC2_CLASS_CAPACITY},
	{"Unsupported", EC2_CLASS_CAPACITY}, /* the type is not in that zone */

	{"SpotMaxPriceTooLow", EC2_CLASS_PRICE},

	{"InstanceLimitExceeded", EC2_CLASS_QUOTA},
	{"VcpuLimitExceeded", EC2_CLASS_QUOTA},
	{"InsufficientFreeAddressesInSubnet", EC2_CLASS_QUOTA},
	{"VolumeLimitExceeded", EC2_CLASS_QUOTA},
	{"AttachmentLimitExceeded", EC2_CLASS_QUOTA},
	{"AddressLimitExceeded", EC2_CLASS_QUOTA},
	{"MaxIOPSLimitExceeded", EC2_CLASS_QUOTA},
	{"MaxSpotFleetRequestCountExceeded", EC2_CLASS_QUOTA},
	{"NetworkInterfaceLimitExceeded", EC2_CLASS_QUOTA},

	{"InvalidAMIID.*", EC2_CLASS_CONFIG},
	{"InvalidKeyPair.NotFound", EC2_CLASS_CONFIG},
	{"InvalidSubnetID.NotFound", EC2_CLASS_CONFIG},
	{"InvalidGroup.NotFound", EC2_CLASS_CONFIG},
	{"InvalidParameter*", EC2_CLASS_CONFIG},
	{"MissingParameter", EC2_CLASS_CONFIG},
	{"UnknownParameter", EC2_CLASS_CONFIG},
	{"InvalidInstanceType", EC2_CLASS_CONFIG},
	{"InvalidInstanceType.NotFound", EC2_CLASS_CONFIG}, /* moto's spelling */
	{"InvalidBlockDeviceMapping", EC2_CLASS_CONFIG},
	{"InvalidUserData.Malformed", EC2_CLASS_CONFIG},
	{"InvalidLaunchTemplateName.NotFoundException", EC2_CLASS_CONFIG},
	{"UnsupportedOperation", EC2_CLASS_CONFIG},
	{"UnsupportedHibernationConfiguration", EC2_CLASS_CONFIG},
	{"VPCIdNotSpecified", EC2_CLASS_CONFIG},
	{"InvalidAction", EC2_CLASS_CONFIG},
	{"OptInRequired", EC2_CLASS_CONFIG},
	{"TagPolicyViolation", EC2_CLASS_CONFIG},
	{"NoSuchEntity", EC2_CLASS_CONFIG}, /* moto's word for an unknown profile */

	{"ParameterNotFound", EC2_CLASS_CONFIG},
	{"ParameterVersionNotFound", EC2_CLASS_CONFIG},
	{"ValidationException", EC2_CLASS_CONFIG},

	{"UnauthorizedOperation", EC2_CLASS_AUTH},
	{"AccessDenied", EC2_CLASS_AUTH},
	{"AccessDeniedException", EC2_CLASS_AUTH},
	{"InvalidClientTokenId", EC2_CLASS_AUTH},
	{"UnrecognizedClientException", EC2_CLASS_AUTH},
	{"MissingAuthenticationToken", EC2_CLASS_AUTH},
	{"IncompleteSignature", EC2_CLASS_AUTH},
	{"Blocked", EC2_CLASS_AUTH},
	{"AccountDisabled", EC2_CLASS_AUTH},
	{"PendingVerification", EC2_CLASS_AUTH},

	{"AuthFailure", EC2_CLASS_AUTH_CLOCK},
	{"SignatureDoesNotMatch", EC2_CLASS_AUTH_CLOCK},
	{"InvalidSignatureException", EC2_CLASS_AUTH_CLOCK},
	{"RequestExpired", EC2_CLASS_AUTH_CLOCK},
	{"RequestInTheFuture", EC2_CLASS_AUTH_CLOCK},
	{"RequestTimeTooSkewed", EC2_CLASS_AUTH_CLOCK},
	{"ExpiredToken", EC2_CLASS_AUTH_CLOCK},
	{"ExpiredTokenException", EC2_CLASS_AUTH_CLOCK},

	{"IncorrectState", EC2_CLASS_STATE},
	{"IncorrectInstanceState", EC2_CLASS_STATE},
	{"IncorrectSpotRequestState", EC2_CLASS_STATE},
	{"ConcurrentTagAccess", EC2_CLASS_STATE},
	{"Resource.AlreadyAssociated", EC2_CLASS_STATE},
	{"VolumeInUse", EC2_CLASS_STATE},

	{"InvalidVolume.ZoneMismatch", EC2_CLASS_VOLUME},
	{"InvalidVolume.NotFound", EC2_CLASS_VOLUME},
	{"InvalidAllocationID.NotFound", EC2_CLASS_VOLUME},
	{"InvalidAddress.NotFound", EC2_CLASS_VOLUME},
	{"InvalidAssociationID.NotFound", EC2_CLASS_VOLUME},

	{"InvalidInstanceID.NotFound", EC2_CLASS_NOT_VISIBLE},
	{"InvalidSpotInstanceRequestID.NotFound", EC2_CLASS_NOT_VISIBLE},

	{"IdempotentParameterMismatch", EC2_CLASS_MISMATCH},
	{"IdempotentInstanceTerminated", EC2_CLASS_TERMINATED},
	{"InvalidClientToken", EC2_CLASS_TOKEN},
	{"OperationNotPermitted", EC2_CLASS_PROTECTED},
	{"DryRunOperation", EC2_CLASS_DRY_RUN},
	{"InvalidPaginationToken", EC2_CLASS_PAGE_TOKEN},
};

static const struct {
	enum verdict verdict;
	enum err_reason reason;
} classes[EC2_CLASS_COUNT] = {
	[EC2_CLASS_NONE] = {VERDICT_DONE, REASON_NONE},
	[EC2_CLASS_THROTTLE] = {VERDICT_LATER, REASON_THROTTLED},
	[EC2_CLASS_PASSING] = {VERDICT_REPEAT, REASON_INTERNAL},
	[EC2_CLASS_CAPACITY] = {VERDICT_REFUSED, REASON_CAPACITY},
	[EC2_CLASS_PRICE] = {VERDICT_REFUSED, REASON_PRICE},
	[EC2_CLASS_QUOTA] = {VERDICT_REFUSED, REASON_QUOTA},
	[EC2_CLASS_CONFIG] = {VERDICT_REFUSED, REASON_CONFIG},
	[EC2_CLASS_AUTH] = {VERDICT_REFUSED, REASON_AUTH},
	[EC2_CLASS_AUTH_CLOCK] = {VERDICT_REPEAT, REASON_AUTH},
	[EC2_CLASS_STATE] = {VERDICT_REPEAT, REASON_INTERNAL},
	[EC2_CLASS_VOLUME] = {VERDICT_REFUSED, REASON_CONFIG},
	[EC2_CLASS_NOT_VISIBLE] = {VERDICT_MISSING, REASON_NONE},
	[EC2_CLASS_MISMATCH] = {VERDICT_REPEAT, REASON_INTERNAL},
	[EC2_CLASS_TERMINATED] = {VERDICT_REFUSED, REASON_INSTANCE_DIED},
	[EC2_CLASS_TOKEN] = {VERDICT_REFUSED, REASON_INTERNAL},
	[EC2_CLASS_PROTECTED] = {VERDICT_REFUSED, REASON_NONE},
	[EC2_CLASS_DRY_RUN] = {VERDICT_REFUSED, REASON_NONE},
	[EC2_CLASS_PAGE_TOKEN] = {VERDICT_REPEAT, REASON_INTERNAL},
	[EC2_CLASS_UNKNOWN_CODE] = {VERDICT_REFUSED, REASON_INTERNAL},
	[EC2_CLASS_NEVER_SENT] = {VERDICT_LATER, REASON_NETWORK},
};

const char *
ec2_verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_DONE] = "done",
		[VERDICT_LATER] = "later",
		[VERDICT_REPEAT] = "repeat",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_MISSING] = "missing",
	};

	return names[verdict];
}

const char *
ec2_action_name(enum ec2_action action)
{
	return actions[action].name;
}

static bool
code_matches(const char *pattern, const char *code)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, code, len - 1) == 0;
	return strcmp(pattern, code) == 0;
}

enum ec2_class
ec2_classify_code(const char *code)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (code_matches(codes[i].code, code))
			return codes[i].class;
	return EC2_CLASS_UNKNOWN_CODE;
}

/* An unknown code, or none: the HTTP status decides. */
static enum ec2_class
classify_status(long status, bool has_code)
{
	if (status == 429)
		return EC2_CLASS_THROTTLE;
	if (has_code)
		return EC2_CLASS_UNKNOWN_CODE;
	return status >= 400 && status < 500 && status != 408 ? EC2_CLASS_UNKNOWN_CODE
							      : EC2_CLASS_PASSING;
}

static enum verdict
verdict_of(enum ec2_action action, enum ec2_class class, long status)
{
	enum verdict verdict = classes[class].verdict;

	if (class == EC2_CLASS_UNKNOWN_CODE && (status < 400 || status >= 500))
		return VERDICT_REPEAT;
	if (verdict == VERDICT_MISSING && !actions[action].names_thing)
		return VERDICT_REPEAT;
	return verdict;
}

/*
 * What some messages go on with is not for everyone who may see an error: an encoded one
 * tells what policies say, a canonical request holds our session token.
 */
static const char *const private_parts[] = {
	"Encoded authorization failure message",
	"The Canonical String",
	"The String-to-Sign",
};

static void
cut_private_parts(char *text)
{
	for (size_t i = 0; i < COUNT_OF(private_parts); i++) {
		char *at = strstr(text, private_parts[i]);

		if (at != NULL)
			*at = '\0';
	}
	for (char *end = text + strlen(text);
		end > text && strchr(" \n", end[-1]) != NULL;)
		*--end = '\0';
}

/* "RunInstances: CODE: message (request id ID)" */
static void
describe_error(const char *what, const struct http_reply *reply, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	struct err said = *err;

	if (said.origin[0] == '\0') {
		err_set(err, ERR_SERVICE, "%s: HTTP status %ld without an error code",
			what, reply->status);
		return;
	}
	cut_private_parts(said.origin_text);
	buf_printf(&text, "%s: %s", what, said.origin);
	if (said.origin_text[0] != '\0')
		buf_printf(&text, ": %s", said.origin_text);
	if (said.request_id[0] != '\0')
		buf_printf(&text, " (request id %s)", said.request_id);
	err_set(err, ERR_SERVICE, "%s", buf_str(&text));
	err_origin(err, said.origin, said.origin_text, said.request_id);
}

enum ec2_class
ec2_judge_error(const char *what, const struct http_reply *reply, struct err *err)
{
	enum ec2_class class = EC2_CLASS_UNKNOWN_CODE;

	err_clear(err);
	if (ec2_parse_error(reply->body, reply->body_len, err) == 0)
		class = ec2_classify_code(err->origin);
	if (class == EC2_CLASS_UNKNOWN_CODE)
		class = classify_status(reply->status, err->origin[0] != '\0');
	describe_error(what, reply, err);
	return class;
}

static enum ec2_class
judge_reply(enum ec2_action action, const struct http_reply *reply,
	const struct err *unparsed, struct err *err)
{
	const char *name = actions[action].name;

	if (!reply->complete) {
		err_set(err, ERR_NETWORK, "%s: %s: %s", name,
			reply->never_sent ? "not sent" : "no whole answer",
			reply->error);
		return reply->never_sent ? EC2_CLASS_NEVER_SENT : EC2_CLASS_PASSING;
	}
	if (reply->status < 200 || reply->status > 299)
		return ec2_judge_error(name, reply, err);
	if (unparsed != NULL) {
		err_set(err, ERR_SERVICE, "%s: an answer that is none: %s", name,
			unparsed->text);
		return EC2_CLASS_PASSING;
	}
	err_clear(err);
	return EC2_CLASS_NONE;
}

void
ec2_judge(enum ec2_action action, const struct http_reply *reply,
	const struct err *unparsed, struct ec2_answer *answer)
{
	enum ec2_class class = judge_reply(action, reply, unparsed, &answer->err);

	answer->class = (int)class;
	answer->verdict = (int)verdict_of(action, class, reply->status);
	answer->err.reason = reply->complete ? classes[class].reason : REASON_NETWORK;
	answer->sent = !reply->never_sent;
	answer->retry_after_ms = reply->retry_after_ms < EC2_RETRY_AFTER_MAX_MS
		? reply->retry_after_ms
		: EC2_RETRY_AFTER_MAX_MS;
}

void
ec2_judge_class(enum ec2_action action, enum ec2_class class, const struct err *err,
	struct ec2_answer *answer)
{
	answer->class = (int)class;
	answer->verdict = (int)verdict_of(action, class, 400);
	answer->err = *err;
	answer->err.reason = classes[class].reason;
}
