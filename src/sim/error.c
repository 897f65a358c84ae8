/* SPDX-License-Identifier: Apache-2.0 */
/* The table of error codes with their HTTP statuses. */
#include "sim/error.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct code_row {
	const char *name;
	int status;
} codes[SIM_CODE_COUNT] = {
	[SIM_ACCESS_DENIED] = {"AccessDenied", 403},
	[SIM_ADDRESS_LIMIT_EXCEEDED] = {"AddressLimitExceeded", 400},
	[SIM_AUTH_FAILURE] = {"AuthFailure", 401},
	[SIM_BLOCKED] = {"Blocked", 403},
	[SIM_DRY_RUN_OPERATION] = {"DryRunOperation", 412},
	[SIM_EXPIRED_TOKEN] = {"ExpiredToken", 400},
	[SIM_FILTER_LIMIT_EXCEEDED] = {"FilterLimitExceeded", 400},
	[SIM_IDEMPOTENT_INSTANCE_TERMINATED] = {"IdempotentInstanceTerminated", 400},
	[SIM_IDEMPOTENT_PARAMETER_MISMATCH] = {"IdempotentParameterMismatch", 400},
	[SIM_INCOMPLETE_SIGNATURE] = {"IncompleteSignature", 400},
	[SIM_INCORRECT_INSTANCE_STATE] = {"IncorrectInstanceState", 400},
	[SIM_INCORRECT_STATE] = {"IncorrectState", 400},
	[SIM_INSTANCE_LIMIT_EXCEEDED] = {"InstanceLimitExceeded", 400},
	[SIM_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET] =
		{"InsufficientFreeAddressesInSubnet", 400},
	[SIM_INSUFFICIENT_INSTANCE_CAPACITY] = {"InsufficientInstanceCapacity", 500},
	[SIM_INTERNAL_ERROR] = {"InternalError", 500},
	[SIM_INVALID_ACTION] = {"InvalidAction", 400},
	[SIM_INVALID_ADDRESS_MALFORMED] = {"InvalidAddress.Malformed", 400},
	[SIM_INVALID_ADDRESS_NOT_FOUND] = {"InvalidAddress.NotFound", 400},
	[SIM_INVALID_ALLOCATION_ID_NOT_FOUND] = {"InvalidAllocationID.NotFound", 400},
	[SIM_INVALID_AMI_ID_MALFORMED] = {"InvalidAMIID.Malformed", 400},
	[SIM_INVALID_AMI_ID_NOT_FOUND] = {"InvalidAMIID.NotFound", 400},
	[SIM_INVALID_AMI_ID_UNAVAILABLE] = {"InvalidAMIID.Unavailable", 400},
	[SIM_INVALID_ASSOCIATION_ID_NOT_FOUND] = {"InvalidAssociationID.NotFound", 400},
	[SIM_INVALID_ATTACHMENT_NOT_FOUND] = {"InvalidAttachment.NotFound", 400},
	[SIM_INVALID_CHARACTER] = {"InvalidCharacter", 400},
	[SIM_INVALID_CLIENT_TOKEN] = {"InvalidClientToken", 400},
	[SIM_INVALID_CLIENT_TOKEN_ID] = {"InvalidClientTokenId", 403},
	[SIM_INVALID_GROUP_ID_MALFORMED] = {"InvalidGroupId.Malformed", 400},
	[SIM_INVALID_GROUP_NOT_FOUND] = {"InvalidGroup.NotFound", 400},
	[SIM_INVALID_ID] = {"InvalidID", 400},
	[SIM_INVALID_IDENTITY_TOKEN] = {"InvalidIdentityToken", 400},
	[SIM_INVALID_INSTANCE_ID_MALFORMED] = {"InvalidInstanceID.Malformed", 400},
	[SIM_INVALID_INSTANCE_ID_NOT_FOUND] = {"InvalidInstanceID.NotFound", 400},
	[SIM_INVALID_INSTANCE_TYPE] = {"InvalidInstanceType", 400},
	[SIM_INVALID_IP_ADDRESS_IN_USE] = {"InvalidIPAddress.InUse", 400},
	[SIM_INVALID_KEY_PAIR_NOT_FOUND] = {"InvalidKeyPair.NotFound", 400},
	[SIM_INVALID_NETWORK_INTERFACE_ID_NOT_FOUND] =
		{"InvalidNetworkInterfaceID.NotFound", 400},
	[SIM_INVALID_PAGINATION_TOKEN] = {"InvalidPaginationToken", 400},
	[SIM_INVALID_PARAMETER] = {"InvalidParameter", 400},
	[SIM_INVALID_PARAMETER_COMBINATION] = {"InvalidParameterCombination", 400},
	[SIM_INVALID_PARAMETER_VALUE] = {"InvalidParameterValue", 400},
	[SIM_INVALID_SPOT_INSTANCE_REQUEST_ID_MALFORMED] =
		{"InvalidSpotInstanceRequestID.Malformed", 400},
	[SIM_INVALID_SPOT_INSTANCE_REQUEST_ID_NOT_FOUND] =
		{"InvalidSpotInstanceRequestID.NotFound", 400},
	[SIM_INVALID_SUBNET_ID_MALFORMED] = {"InvalidSubnetID.Malformed", 400},
	[SIM_INVALID_SUBNET_ID_NOT_FOUND] = {"InvalidSubnetID.NotFound", 400},
	[SIM_INVALID_VOLUME_NOT_FOUND] = {"InvalidVolume.NotFound", 400},
	[SIM_INVALID_VOLUME_ZONE_MISMATCH] = {"InvalidVolume.ZoneMismatch", 400},
	[SIM_INVALID_VPC_ID_NOT_FOUND] = {"InvalidVpcID.NotFound", 400},
	[SIM_INVALID_ZONE_NOT_FOUND] = {"InvalidZone.NotFound", 400},
	[SIM_MALFORMED_QUERY_STRING] = {"MalformedQueryString", 400},
	[SIM_MAX_SPOT_INSTANCE_COUNT_EXCEEDED] = {"MaxSpotInstanceCountExceeded", 400},
	[SIM_MISSING_ACTION] = {"MissingAction", 400},
	[SIM_MISSING_AUTHENTICATION_TOKEN] = {"MissingAuthenticationToken", 403},
	[SIM_MISSING_PARAMETER] = {"MissingParameter", 400},
	[SIM_NO_SUCH_VERSION] = {"NoSuchVersion", 400},
	[SIM_OPERATION_NOT_PERMITTED] = {"OperationNotPermitted", 400},
	[SIM_PARAMETER_NOT_FOUND] = {"ParameterNotFound", 400},
	[SIM_REQUEST_EXPIRED] = {"RequestExpired", 400},
	[SIM_REQUEST_IN_THE_FUTURE] = {"RequestInTheFuture", 400},
	[SIM_REQUEST_LIMIT_EXCEEDED] = {"RequestLimitExceeded", 503},
	[SIM_RESOURCE_ALREADY_ASSOCIATED] = {"Resource.AlreadyAssociated", 400},
	[SIM_SERIALIZATION_EXCEPTION] = {"SerializationException", 400},
	[SIM_SERVICE_UNAVAILABLE] = {"ServiceUnavailable", 503},
	[SIM_SIGNATURE_DOES_NOT_MATCH] = {"SignatureDoesNotMatch", 403},
	[SIM_SPOT_MAX_PRICE_TOO_LOW] = {"SpotMaxPriceTooLow", 400},
	[SIM_TAG_LIMIT_EXCEEDED] = {"TagLimitExceeded", 400},
	[SIM_UNAUTHORIZED_OPERATION] = {"UnauthorizedOperation", 403},
	[SIM_UNAVAILABLE] = {"Unavailable", 503},
	[SIM_UNKNOWN_PARAMETER] = {"UnknownParameter", 400},
	[SIM_UNSUPPORTED] = {"Unsupported", 400},
	[SIM_UNSUPPORTED_OPERATION] = {"UnsupportedOperation", 400},
	[SIM_VALIDATION_ERROR] = {"ValidationError", 400},
	[SIM_VOLUME_IN_USE] = {"VolumeInUse", 400},
};

int
sim_fail(struct sim_error *error, enum sim_code code, const char *fmt, ...)
{
	va_list ap;

	memset(error, 0, sizeof(*error));
	error->status = codes[code].status;
	(void)snprintf(error->code, sizeof(error->code), "%s", codes[code].name);
	va_start(ap, fmt);
	(void)vsnprintf(error->message, sizeof(error->message), fmt, ap);
	va_end(ap);
	return -1;
}

const char *
sim_code_name(enum sim_code code)
{
	return codes[code].name;
}

int
sim_code_status(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (strcmp(codes[i].name, name) == 0)
			return codes[i].status;
	return 400;
}
