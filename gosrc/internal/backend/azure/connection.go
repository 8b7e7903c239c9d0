package azure

import (
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// The emulator's account and key are the same everywhere and open nothing else.
const (
	emulatorAccount = "devstoreaccount1"
	emulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	emulatorPort    = ":10000/"
)

// connection reads a connection string: fields "Name=value" with semicolons in between.
func (s *settings) connection(text string) error {
	fields := map[string]string{}
	for field := range strings.SplitSeq(text, ";") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		name, value, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return malformedConnection("a field of it is not written as Name=value")
		}
		fields[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	s.accountFrom, s.secretFrom = connectionVariable, connectionVariable
	if strings.EqualFold(fields["usedevelopmentstorage"], "true") {
		host := strings.TrimRight(fields["developmentstorageproxyuri"], "/")
		if host == "" {
			host = "http://127.0.0.1"
		}
		s.account, s.key = emulatorAccount, emulatorKey
		s.endpoint, s.endpointFrom = host+emulatorPort+emulatorAccount, connectionVariable
		return nil
	}
	s.account, s.key = fields["accountname"], config.Secret(fields["accountkey"])
	s.sas = config.Secret(strings.TrimPrefix(fields["sharedaccesssignature"], "?"))
	switch {
	case s.key != "" && s.account == "":
		return malformedConnection("it has an AccountKey and no AccountName")
	case s.key != "" && s.sas != "":
		return malformedConnection("it has both an AccountKey and a SharedAccessSignature")
	}
	return s.connectionEndpoint(fields)
}

func (s *settings) connectionEndpoint(fields map[string]string) error {
	protocol, suffix := fields["defaultendpointsprotocol"], fields["endpointsuffix"]
	switch {
	case protocol == "":
		protocol = "https"
	case protocol != "https" && protocol != "http":
		return malformedConnection("its DefaultEndpointsProtocol is neither https nor http")
	}
	if suffix == "" {
		suffix = "core.windows.net"
	}
	switch {
	case fields["blobendpoint"] != "":
		s.endpoint = fields["blobendpoint"]
	case s.account != "":
		s.endpoint = protocol + "://" + s.account + ".blob." + suffix
	default:
		return malformedConnection("it has neither an AccountName nor a BlobEndpoint")
	}
	s.endpointFrom = connectionVariable
	return nil
}

func malformedConnection(why string) error {
	return errs.New(errs.Invalid, "configure", "", "%s is malformed: %s", connectionVariable, why).
		WithHint("Copy it as the portal or `az storage account show-connection-string` shows it")
}
