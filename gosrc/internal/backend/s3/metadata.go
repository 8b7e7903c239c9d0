package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// metadataTimeout is short: on machines outside of a cloud nobody answers.
	metadataTimeout = time.Second

	containerHost = "http://169.254.170.2"
	instanceHost  = "http://169.254.169.254"
	instancePath  = "/latest/meta-data/iam/security-credentials/"
)

// container is the credentials that ECS and EKS offer to a container.
func (c *chain) container(ctx context.Context) (keys, error) {
	address := c.cfg.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := c.cfg.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = containerHost + relative
	}
	if address == "" {
		return keys{}, errNone
	}
	if !trusted(address) {
		return keys{}, errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of the machine")
	}
	token := c.cfg.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := c.cfg.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return keys{}, err
		}
		token = strings.TrimSpace(string(text))
	}
	return c.document(ctx, address, "Authorization", token)
}

// trusted says whether credentials may be asked for at an address.
func trusted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := err == nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip == netip.MustParseAddr("fd00:ec2::23"))
	return u.Scheme == "https" || local || u.Hostname() == "localhost"
}

// instance is the role of an EC2 instance. A service that does not answer means
// that this is none.
func (c *chain) instance(ctx context.Context) (keys, error) {
	if strings.EqualFold(c.cfg.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return keys{}, errNone
	}
	base := strings.TrimRight(or(c.cfg.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), instanceHost), "/")
	token, err := c.ask(ctx, http.MethodPut, base+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600")
	if err != nil && ctx.Err() != nil {
		return keys{}, ctx.Err()
	}
	if err != nil {
		return keys{}, errNone
	}
	const header = "X-aws-ec2-metadata-token"
	role, err := c.ask(ctx, http.MethodGet, base+instancePath, header, string(token))
	name, _, _ := strings.Cut(strings.TrimSpace(string(role)), "\n")
	if err != nil || name == "" {
		return keys{}, errNone // an instance without a role
	}
	return c.document(ctx, base+instancePath+name, header, string(token))
}

// document reads the JSON that both services answer with.
func (c *chain) document(ctx context.Context, address, header, value string) (keys, error) {
	text, err := c.ask(ctx, http.MethodGet, address, header, value)
	if err != nil {
		return keys{}, err
	}
	var v struct {
		Code, AccessKeyId, SecretAccessKey, Token string //nolint:revive // the names of the format
		Expiration                                time.Time
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return keys{}, errors.New("the metadata service answers with something else than the JSON of credentials")
	}
	if v.Code != "" && v.Code != "Success" {
		return keys{}, fmt.Errorf("the metadata service answers %q", v.Code)
	}
	return keys{AccessKeyID: v.AccessKeyId, SecretAccessKey: v.SecretAccessKey, SessionToken: v.Token, Expiration: v.Expiration}, nil
}

func (c *chain) ask(ctx context.Context, method, address, header, value string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, errors.New("the address of the metadata service is not a URL")
	}
	if value != "" {
		req.Header.Set(header, value)
	}
	resp, err := c.local.Do(req)
	if err != nil {
		return nil, fmt.Errorf("metadata service: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metadata service answers %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
