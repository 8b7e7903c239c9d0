package azure

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// outcome is what a failure means to the caller.
type outcome web.Outcome

const (
	checkKeys   = "Check the account's name and key, or the SAS, that they belong to this endpoint, and the clock of this machine"
	checkRights = "Check the key, or that the identity or the SAS may do this: reading needs the role Storage Blob Data Reader, writing Storage Blob Data Contributor"
	checkPlace  = "Check the container's name, and that it is in this account"
	renew       = "Renew the token: log in again, or check the identity"
	waitForIt   = "The service removes it within a minute or so"
	breakLease  = "Break the lease, or wait until it ends"
)

// outcomes are the error codes of Azure that mean more than their status.
var outcomes = map[string]outcome{
	"ContainerNotFound":     {errs.NotFound, "container not found", checkPlace},
	"ContainerBeingDeleted": {errs.NotFound, "container not found: it is being deleted", waitForIt},
	"BlobNotFound":          {errs.NotFound, "object not found", ""},
	"ResourceNotFound":      {errs.NotFound, "not found", "Check the names of the account and the container; without credentials, the service also answers so for what is not public"},

	"AuthenticationFailed":              {errs.Permission, "the credentials are refused", checkKeys},
	"InvalidAuthenticationInfo":         {errs.Permission, "the token is wrong or has expired", renew},
	"NoAuthenticationInformation":       {errs.Permission, "the service wants credentials", "Leave out the option anonymous, and set credentials"},
	"AuthorizationFailure":              {errs.Permission, "access denied", checkRights + ". The firewall of the account may refuse this machine, too"},
	"AuthorizationPermissionMismatch":   {errs.Permission, "access denied", checkRights},
	"AuthorizationProtocolMismatch":     {errs.Permission, "the SAS does not hold for this protocol", "Write the endpoint with https"},
	"AuthorizationResourceTypeMismatch": {errs.Permission, "the SAS does not hold for this kind of resource", "Make one for containers and objects (srt=sco)"},
	"AuthorizationServiceMismatch":      {errs.Permission, "the SAS does not hold for the blob service", "Make one for it (ss=b)"},
	"AuthorizationSourceIPMismatch":     {errs.Permission, "the SAS does not hold for the address of this machine", ""},
	"InsufficientAccountPermissions":    {errs.Permission, "access denied", checkRights},
	"KeyBasedAuthenticationNotPermitted": {errs.Permission, "the account takes no keys",
		"Remove AZURE_STORAGE_ACCOUNT_KEY and use an identity of Microsoft Entra ID"},
	"PublicAccessNotPermitted": {errs.Permission, "the account gives nothing to the public", "Leave out the option anonymous, and set credentials"},
	"AccountIsDisabled":        {errs.Permission, "the account is disabled", "Have it enabled in the portal"},
	"ContainerDisabled":        {errs.Permission, "the container has been disabled by the service", ""},
	"InvalidStorageAccount":    {errs.NotFound, "storage account not found", "Check the account's name"},
	"AccountBeingCreated":      {errs.Server, "the account is being created", ""},

	"BlobArchived":              {errs.Permission, "the object is archived", "Set its tier to Hot or Cool first, and wait until it is back"},
	"BlobBeingRehydrated":       {errs.Permission, "the object is archived, and on its way back", "Wait until it is back"},
	"BlobImmutableDueToPolicy":  {errs.Permission, "the object must not be changed: it has an immutability policy or a legal hold", ""},
	"LeaseIdMissing":            {errs.Permission, "another program has a lease on it", breakLease},
	"UnauthorizedBlobOverwrite": {errs.Permission, "an object of this name is there, and the credentials do not allow to overwrite", checkRights},
	"SnapshotsPresent":          {errs.Invalid, "the object has snapshots", "Delete them first"},
	"InvalidBlobType":           {errs.Invalid, "the object is a page or append blob, which cannot be written in blocks", "Delete it first"},
	"BlobTypeNotSupported":      {errs.Invalid, "the account does not support objects of this kind", ""},
	"InvalidBlobTier":           {errs.Invalid, "the access tier is not known here", "Write one that the account has: Hot, Cool, Cold or Archive"},
	"InvalidMetadata":           {errs.Invalid, "the metadata is not what the service takes", "Its names are letters, digits and underscores"},
	"MetadataTooLarge":          {errs.Invalid, "the metadata is too large", "It may have 8 KiB"},

	"ContainerAlreadyExists": {errs.AlreadyExists, "the container already exists", ""},
	"ResourceAlreadyExists":  {errs.AlreadyExists, "it already exists", ""},
	"ConditionNotMet":        {errs.Changed, "the object has changed", ""},
	"SourceConditionNotMet":  {errs.Changed, "the object has changed", ""},
	"InvalidRange":           {errs.OutOfRange, "the offset is beyond the end of the object", ""},
	"InvalidBlockList":       {errs.Changed, "blocks of the upload are gone", "Another program has written the object meanwhile, which discards them, or the upload is older than a week"},
	"InvalidBlobOrBlock":     {errs.Changed, "blocks of another kind lie at this key", "Another program is uploading to it: have it finish, or write another key"},
	"BlockCountExceedsLimit": {errs.Invalid, "too many blocks lie at this key", "Uploads that broke off have left them: they go within a week, or when the object is written"},
	"BlockListTooLong":       {errs.Invalid, "the upload has too many parts", "Raise the option part_size"},
	"RequestBodyTooLarge":    {errs.Invalid, "the part is too large", "Lower the option part_size"},

	"InvalidResourceName":      {errs.Invalid, "the service does not take this name", ""},
	"OutOfRangeInput":          {errs.Invalid, "the service does not take this name", ""},
	"InvalidUri":               {errs.Invalid, "the service does not take this name", ""},
	"ServerBusy":               {errs.Throttled, "the service asks to slow down", ""},
	"TooManyRequests":          {errs.Throttled, "the service asks to slow down", ""},
	"OperationTimedOut":        {errs.Server, "the service did not finish in time", ""},
	"InternalError":            {errs.Server, "the server failed", ""},
	"SystemInUse":              {errs.Server, "the service is busy with it", ""},
	"Md5Mismatch":              {errs.Server, "the data was damaged on its way", ""},
	"Crc64Mismatch":            {errs.Server, "the data was damaged on its way", ""},
	"AccountQuotaExceeded":     {errs.NoSpace, "the account is full", ""},
	"InvalidHeaderValue":       {errs.Invalid, "the service refuses a header", ""},
	"UnsupportedHeader":        {errs.Unsupported, "the service does not support this", ""},
	"CannotVerifyCopySource":   {errs.Permission, "the service cannot read what it is to copy", ""},
	"MissingRequiredHeader":    {errs.Invalid, "the service misses a header", ""},
	"FeatureNotSupportedByHNS": {errs.Unsupported, "accounts with a hierarchical namespace do not support this", ""},
}

func outcomeOf(code string, status int) outcome {
	if o, ok := outcomes[code]; ok {
		return o
	}
	switch status {
	case http.StatusUnauthorized:
		return outcome{errs.Permission, "access denied", checkKeys}
	case http.StatusForbidden:
		return outcome{errs.Permission, "access denied", checkRights}
	}
	return outcome(web.ByStatus(status))
}

// text is the message: ours, and in parentheses that of the server.
func (o outcome) text(u uri.URI, d document, status int) string {
	msg := o.Msg
	switch {
	case d.Code == "ContainerNotFound":
		msg = fmt.Sprintf("container %q not found", u.Container)
	case strings.Contains(d.Detail, "not valid in the specified time frame"):
		msg = "the SAS does not hold now: it has expired, or has not begun"
	}
	// The lines behind the first repeat the request's id and the time.
	first, _, _ := strings.Cut(strings.TrimSpace(d.Message), "\n")
	return msg + " (" + web.Said(d.Code, first, status) + ")"
}
