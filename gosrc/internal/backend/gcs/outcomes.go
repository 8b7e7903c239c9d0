package gcs

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// outcome is what a failure means to the caller.
type outcome struct {
	code  errs.Code
	msg   string // in one sentence
	hint  string
	never bool // to be tried again, though the code is
}

const (
	checkRights = "Check the credentials, and that they may do this here (roles/storage.objectViewer to read, objectUser to write); " +
		"without the right to list a bucket, the service also answers so for an object that does not exist"
	checkAccount = "Check GOOGLE_APPLICATION_CREDENTIALS, or log in again with: gcloud auth application-default login"
	payer        = "Set GOOGLE_CLOUD_QUOTA_PROJECT to a project that is billed for the requests"
)

var (
	slowDown      = outcome{code: errs.Throttled, msg: "the service asks to slow down"}
	contested     = outcome{code: errs.Throttled, msg: "another request changes the object at the same time"}
	requesterPays = outcome{code: errs.Permission, msg: "the requester pays for this bucket", hint: payer}
	changed       = outcome{code: errs.Changed, msg: "the object has changed"}
	objectMissing = outcome{code: errs.NotFound, msg: "object not found"}
	uploadMissing = outcome{code: errs.NotFound, msg: "upload not found", hint: "It was completed or given up, a week has passed, or something else wrote the object at the same time: write it again"}
	foreign       = outcome{
		code: errs.Invalid, msg: "not found, and the answer is not that of Google Cloud Storage", hint: "Check the endpoint, or STORAGE_EMULATOR_HOST",
	}
	damaged  = outcome{code: errs.Server, msg: "the data was damaged on its way"}
	taken    = outcome{code: errs.AlreadyExists, msg: "it already exists", hint: "Bucket names are shared by all users: it may be someone else's"}
	notEmpty = outcome{code: errs.Invalid, msg: "the bucket is not empty", hint: "Delete its objects first, old versions and folders too"}
)

func bucketMissing(u uri.URI) outcome {
	return outcome{
		code: errs.NotFound, msg: fmt.Sprintf("bucket %q not found", u.Container), hint: "Check the bucket's name, and that it is at this endpoint",
	}
}

// reasons are those of the service that mean more than their status.
var reasons = map[string]outcome{
	"authError":                 {code: errs.Permission, msg: "the token is not accepted", hint: checkAccount},
	"required":                  {code: errs.Permission, msg: "the service wants credentials", hint: checkAccount},
	"insufficientPermissions":   {code: errs.Permission, msg: "access denied", hint: checkRights},
	"forbidden":                 {code: errs.Permission, msg: "access denied", hint: checkRights},
	"accessNotConfigured":       {code: errs.Permission, msg: "the API is not enabled in the project", hint: "Enable the Cloud Storage API of the project"},
	"accountDisabled":           {code: errs.Permission, msg: "the project is disabled or not billed", hint: "Check the billing account of the project that owns the bucket"},
	"userProjectMissing":        requesterPays,
	"userProjectAccessDenied":   {code: errs.Permission, msg: "the project that is to pay may not be charged", hint: payer},
	"userProjectInconsistent":   {code: errs.Permission, msg: "the project that is to pay may not be charged", hint: payer},
	"objectUnderActiveHold":     {code: errs.Permission, msg: "the object is on hold"},
	"retentionPolicyNotMet":     {code: errs.Permission, msg: "the retention policy of the bucket keeps the object"},
	"orgPolicyConstraintFailed": {code: errs.Permission, msg: "a policy of the organisation forbids it"},

	"conditionNotMet":              changed,
	"requestedRangeNotSatisfiable": {code: errs.OutOfRange, msg: "the offset is beyond the end of the object"},
	"uploadTooLarge":               {code: errs.Invalid, msg: "the object is larger than the service takes", hint: "The limit is 5 TiB"},
	"invalidStorageClass":          {code: errs.Invalid, msg: "the storage class is not known here", hint: "Write STANDARD, NEARLINE, COLDLINE or ARCHIVE"},

	"rateLimitExceeded":     slowDown,
	"userRateLimitExceeded": slowDown,
	"dailyLimitExceeded":    {code: errs.Throttled, msg: "a quota is used up", never: true},
	"quotaExceeded":         {code: errs.Throttled, msg: "a quota is used up", hint: "Ask for a higher one in the console of the project"},
}

// statuses are those that mean more here than elsewhere.
var statuses = map[int]outcome{
	http.StatusUnauthorized: reasons["authError"],
	http.StatusForbidden:    reasons["forbidden"],
	http.StatusGone:         uploadMissing,
	clientClosed:            uploadMissing,
}

func outcomeOf(op string, status int, s said) outcome {
	switch {
	case op == "delete_container" && (status == http.StatusConflict || status == http.StatusPreconditionFailed):
		return notEmpty
	case op == "create_container" && status == http.StatusConflict:
		return taken
	case status == http.StatusConflict:
		return contested
	case status == http.StatusBadRequest && strings.Contains(s.message, "requester pays"): // its reason is "required"
		return requesterPays
	case status == http.StatusBadRequest && strings.Contains(s.message, "CRC32C"):
		return damaged
	case status == http.StatusBadRequest && strings.Contains(strings.ToLower(s.message), "storage class"):
		return reasons["invalidStorageClass"]
	}
	if o, ok := reasons[s.reason]; ok {
		return o
	}
	if o, ok := statuses[status]; ok {
		return o
	}
	o := web.ByStatus(status)
	return outcome{code: o.Code, msg: o.Msg, hint: o.Hint}
}

// text is the message: ours, and in parentheses that of the server.
func (o outcome) text(s said, status int) string { return o.msg + " (" + s.or(status) + ")" }

// or is what was said, else the name of the status.
func (s said) or(status int) string { return web.Said(s.reason, s.message, status) }
