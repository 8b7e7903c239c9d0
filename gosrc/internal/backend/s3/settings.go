package s3

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
)

// endpoints are the base URLs: those of the configuration, else the one of the
// environment, of the profile, or of AWS in the region.
func endpoints(cfg *config.Config) ([]string, error) {
	list := cfg.Endpoints
	if len(list) == 0 {
		p, err := loadProfiles(cfg)
		if err != nil {
			return nil, err
		}
		_, profile, err := p.chosen()
		if err != nil {
			return nil, err
		}
		region := region(cfg, profile)
		aws := "https://s3." + region + "." + domain(region)
		list = []string{or(cfg.Getenv("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), or(profile["endpoint_url"], aws))}
	}
	return web.ParseEndpoints(list)
}

// bundleVariable names a file of trusted authorities where the options do not.
const bundleVariable = "AWS_CA_BUNDLE"

func region(cfg *config.Config, profile section) string {
	return or(or(cfg.Region, cfg.Getenv("AWS_REGION", "AWS_DEFAULT_REGION")), or(profile["region"], "us-east-1"))
}

// domain is that of the partition of AWS that a region belongs to.
func domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// pathStyle says whether buckets go into the path: everywhere but at AWS
// itself, unless configured otherwise.
func pathStyle(cfg *config.Config, endpoint *url.URL) bool {
	host := endpoint.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return true // no name to put a bucket in front of
	}
	if cfg.ForcePathStyle != nil {
		return *cfg.ForcePathStyle
	}
	return !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn")
}
