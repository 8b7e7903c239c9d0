package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// profile is the credentials of the profile in use. The files are read anew
// every time: other programs renew keys in them.
func (c *chain) profile(ctx context.Context) (keys, error) {
	p, err := loadProfiles(c.cfg)
	if err != nil {
		return keys{}, err
	}
	name, s, err := p.chosen()
	if err != nil {
		return keys{}, err
	}
	v, err := (&roles{c, p, nil}).follow(ctx, name, s)
	if errors.Is(err, errNone) && c.cfg.Profile != "" {
		return keys{}, errs.New(errs.Credentials, "", "", "the profile %q holds no credentials", name)
	}
	return v, err
}

// roles finds the way from a profile to credentials.
type roles struct {
	*chain
	profiles *profiles
	seen     []string // profiles on the way
}

// follow does what a profile says: take a role, use keys, use single sign-on or
// run a program.
func (c *roles) follow(ctx context.Context, name string, s section) (keys, error) {
	id, secret := s["aws_access_key_id"], s["aws_secret_access_key"]
	switch {
	case s["role_arn"] != "" && s["web_identity_token_file"] != "":
		return c.webIdentity(ctx, s["web_identity_token_file"], s["role_arn"])
	case s["role_arn"] != "" && (s["source_profile"] != "" || s["credential_source"] != ""):
		with, err := c.from(ctx, name, s)
		if err != nil {
			return keys{}, err
		}
		return c.assume(ctx, s, with)
	case id != "" && secret != "":
		return keys{AccessKeyID: id, SecretAccessKey: secret, SessionToken: s["aws_session_token"]}, nil
	case id != "" || secret != "":
		return keys{}, errs.New(errs.Credentials, "", "", "the profile %q has only half of a pair of keys", name)
	case s["sso_role_name"] != "":
		return c.minio(ctx, &credentials.FileAWSCredentials{Filename: c.profiles.configFile, Profile: name})
	case s["credential_process"] != "":
		return process(ctx, s["credential_process"])
	}
	return keys{}, errNone
}

// from is the credentials with which a profile takes its role.
func (c *roles) from(ctx context.Context, name string, s section) (keys, error) {
	if source := s["source_profile"]; source == name { // with the profile's own keys
		return c.follow(ctx, name, section{
			"aws_access_key_id": s["aws_access_key_id"], "aws_secret_access_key": s["aws_secret_access_key"],
		})
	} else if source != "" {
		if slices.Contains(c.seen, name) {
			return keys{}, errs.New(errs.Credentials, "", "", "the profile %q leads back to itself by source_profile", name)
		}
		c.seen = append(c.seen, name)
		next, err := c.profiles.named(source)
		if err != nil {
			return keys{}, err
		}
		return c.follow(ctx, source, next)
	}
	find := map[string]source{
		"Environment": c.environment, "EcsContainer": c.container, "Ec2InstanceMetadata": c.instance,
	}[s["credential_source"]]
	if find == nil {
		return keys{}, errs.New(errs.Credentials, "", "", "the profile %q names the unknown credential_source %q", name, s["credential_source"])
	}
	return find(ctx)
}

// process runs a program that prints credentials as JSON. Its output is not
// shown in errors.
func process(ctx context.Context, command string) (keys, error) {
	out, err := exec.CommandContext(ctx, "/bin/sh", "-c", command).Output()
	if err != nil {
		return keys{}, fmt.Errorf("credential_process: %w", err)
	}
	var v struct {
		AccessKeyId, SecretAccessKey, SessionToken string //nolint:revive // the names of the format
		Expiration                                 time.Time
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return keys{}, errors.New("credential_process: the program prints something else than the JSON of credentials")
	}
	return keys{AccessKeyID: v.AccessKeyId, SecretAccessKey: v.SecretAccessKey, SessionToken: v.SessionToken, Expiration: v.Expiration}, nil
}
