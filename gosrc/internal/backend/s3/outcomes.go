package s3

import (
	"fmt"
	"net/http"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// outcome is what a failure means to the caller.
type outcome web.Outcome

const (
	checkKeys   = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile, and that they belong to this endpoint"
	checkRights = "Check the credentials, and that they may do this; without the right to list a bucket, S3 also answers so for an object that does not exist"
)

// outcomes are the error codes of S3 and its kin that mean more than their status.
var outcomes = map[string]outcome{
	"NoSuchBucket": {errs.NotFound, "bucket not found", "Check the bucket's name, and that it is at this endpoint"},
	"NoSuchKey":    {errs.NotFound, "object not found", ""},
	"NoSuchUpload": {errs.NotFound, "upload not found", "It was completed or aborted, or the server has removed it"},

	"AccessDenied":          {errs.Permission, "access denied", checkRights},
	"AllAccessDisabled":     {errs.Permission, "access denied", ""},
	"InvalidAccessKeyId":    {errs.Permission, "the access key is not known here", checkKeys},
	"SignatureDoesNotMatch": {errs.Permission, "the secret key does not belong to the access key", checkKeys},
	"XAdminUserNotFound":    {errs.Permission, "the access key is not known here", checkKeys},
	"InvalidToken":          {errs.Permission, "the session token is wrong or has expired", "Renew AWS_SESSION_TOKEN along with its keys"},
	"ExpiredToken":          {errs.Permission, "the credentials have expired", "Renew them"},
	"ExpiredTokenException": {errs.Permission, "the credentials have expired", "Renew them"},
	"TokenRefreshRequired":  {errs.Permission, "the credentials have expired", "Renew them"},
	"RequestTimeTooSkewed":  {errs.Permission, "the clocks of this machine and of the server differ too much", "Set the clock of this machine"},
	"InvalidStorageClass":   {errs.Invalid, "the storage class is not known here", "Write one that the service has, such as STANDARD"},
	"InvalidObjectState":    {errs.Permission, "the object is archived", "Restore it first"},

	"BucketAlreadyExists":     {errs.AlreadyExists, "the bucket already exists", "Bucket names are shared by all users: it may be someone else's"},
	"BucketAlreadyOwnedByYou": {errs.AlreadyExists, "the bucket already exists", ""},
	"BucketNotEmpty":          {errs.Invalid, "the bucket is not empty", "Delete its objects first"},
	"PreconditionFailed":      {errs.Changed, "the object has changed", ""},
	"InvalidRange":            {errs.OutOfRange, "the offset is beyond the end of the object", ""},

	"AuthorizationHeaderMalformed":       {errs.Invalid, "the bucket is in another region", ""},
	"PermanentRedirect":                  {errs.Invalid, "the bucket is in another region", ""},
	"TemporaryRedirect":                  {errs.Invalid, "the bucket is in another region", ""},
	"IllegalLocationConstraintException": {errs.Invalid, "the region is not that of the endpoint", ""},
	"InvalidRegion":                      {errs.Invalid, "the region is not that of the endpoint", ""},

	"SlowDown":                    {errs.Throttled, "the service asks to slow down", ""},
	"SlowDownRead":                {errs.Throttled, "the service asks to slow down", ""},
	"SlowDownWrite":               {errs.Throttled, "the service asks to slow down", ""},
	"TooManyRequests":             {errs.Throttled, "the service asks to slow down", ""},
	"RequestLimitExceeded":        {errs.Throttled, "the service asks to slow down", ""},
	"Throttling":                  {errs.Throttled, "the service asks to slow down", ""},
	"ThrottlingException":         {errs.Throttled, "the service asks to slow down", ""},
	"RequestTimeout":              {errs.Timeout, "the server waited too long for the request", ""},
	"IncompleteBody":              {errs.Connection, "the server did not get the whole body", ""},
	"BadDigest":                   {errs.Server, "the data was damaged on its way", ""},
	"XAmzContentChecksumMismatch": {errs.Server, "the data was damaged on its way", ""},
	"XMinioServerNotInitialized":  {errs.Server, "the server is starting", ""},
	"OperationAborted":            {errs.Server, "another operation on it is under way", ""},

	"XMinioStorageFull":              {errs.NoSpace, "the server's storage is full", ""},
	"QuotaExceeded":                  {errs.NoSpace, "the bucket's quota is used up", ""},
	"XMinioAdminBucketQuotaExceeded": {errs.NoSpace, "the bucket's quota is used up", ""},
}

func outcomeOf(code string, status int) outcome {
	if o, ok := outcomes[code]; ok {
		return o
	}
	switch {
	case status == http.StatusUnauthorized:
		return outcome{errs.Permission, "access denied", checkKeys}
	case status == http.StatusForbidden:
		return outcome{errs.Permission, "access denied", checkRights}
	case status/100 == 3:
		return outcomes["PermanentRedirect"]
	}
	return outcome(web.ByStatus(status))
}

// text is the message: ours, and in parentheses that of the server.
func (o outcome) text(u uri.URI, d document, status int) string {
	msg := o.Msg
	if d.Code == "NoSuchBucket" {
		msg = fmt.Sprintf("bucket %q not found", u.Container)
	}
	return msg + " (" + web.Said(d.Code, d.Message, status) + ")"
}

// advice is the hint, with the region where the server names it.
func (o outcome) advice(c *client, d document) string {
	if d.Region != "" && d.Region != c.signer.region && o.Code == errs.Invalid {
		return fmt.Sprintf("It is in the region %q, not %q: set the option region or AWS_REGION, and an endpoint of that region", d.Region, c.signer.region)
	}
	return o.Hint
}
