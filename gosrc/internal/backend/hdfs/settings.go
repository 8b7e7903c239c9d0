package hdfs

import (
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/colinmarc/hdfs/v2/hadoopconf"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// defaultPort is that of a namenode's RPC where the URI has none.
const defaultPort = "8020"

// hadoopConfiguration reads the files of the folder that the environment names;
// dir is empty where there is none.
func hadoopConfiguration(cfg *config.Config) (conf hadoopconf.HadoopConf, dir string, err error) {
	for _, dir := range configurationFolders(cfg) {
		conf, err := hadoopconf.Load(dir)
		if err != nil {
			return nil, dir, errs.Wrap(err, errs.Invalid, "configure", "", "the Hadoop configuration in %s cannot be read", dir).
				WithHint("Correct the file, or HADOOP_CONF_DIR")
		}
		if conf != nil {
			expand(conf)
			return conf, dir, nil
		}
	}
	return nil, "", nil
}

func configurationFolders(cfg *config.Config) (dirs []string) {
	if dir := cfg.Getenv("HADOOP_CONF_DIR"); dir != "" {
		return []string{dir}
	}
	if home := cfg.Getenv("HADOOP_HOME"); home != "" {
		return []string{filepath.Join(home, "etc", "hadoop"), filepath.Join(home, "conf")}
	}
	return nil
}

var variable = regexp.MustCompile(`\$\{([^{}$\s]+)\}`)

// expand replaces ${name} in values by the value of that name, as Hadoop does.
func expand(conf hadoopconf.HadoopConf) {
	const depth = 20 // Hadoop's own limit: a circle ends, too
	for key, value := range conf {
		value = strings.TrimSpace(value)
		for range depth {
			next := variable.ReplaceAllStringFunc(value, func(name string) string {
				if v, ok := conf[name[2:len(name)-1]]; ok {
					return v
				}
				return name
			})
			if next == value {
				break
			}
			value = next
		}
		conf[key] = value
	}
}

// namenodes are the addresses (host:port) that a container stands for: those of
// a nameservice of the configuration, or the one that it is itself. The empty
// container is fs.defaultFS.
func namenodes(conf hadoopconf.HadoopConf, container string) ([]string, error) {
	if container == "" {
		var err error
		if container, err = defaultContainer(conf); err != nil {
			return nil, err
		}
	}
	if names := conf["dfs.ha.namenodes."+container]; names != "" {
		return nameservice(conf, container, strings.Split(names, ","))
	}
	if address := conf["dfs.namenode.rpc-address."+container]; address != "" {
		return addresses(address)
	}
	if name, _, ok := strings.Cut(container, ":"); ok && conf["dfs.ha.namenodes."+name] != "" {
		return nil, errs.New(errs.Invalid, "", "", "%s is a nameservice of the Hadoop configuration, which has no port", name).
			WithHint("Write hdfs://%s/path", name)
	}
	return addresses(container)
}

func defaultContainer(conf hadoopconf.HadoopConf) (string, error) {
	text := conf["fs.defaultFS"]
	if text == "" {
		text = conf["fs.default.name"] // its old name
	}
	if text == "" {
		return "", errs.New(errs.Invalid, "", "", "malformed URI: it names no namenode, and there is no Hadoop configuration with fs.defaultFS").
			WithHint("Write hdfs://namenode:port/path, or set HADOOP_CONF_DIR")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != scheme || u.Host == "" {
		return "", errs.New(errs.Invalid, "", "", "fs.defaultFS of the Hadoop configuration is %q, which is no hdfs://namenode:port", text).
			WithHint("Name the namenode in the URI")
	}
	return u.Host, nil
}

// nameservice are the addresses of the namenodes that stand in for one another.
func nameservice(conf hadoopconf.HadoopConf, service string, names []string) (out []string, err error) {
	for _, name := range names {
		key := "dfs.namenode.rpc-address." + service + "." + strings.TrimSpace(name)
		if conf[key] == "" {
			return nil, errs.New(errs.Invalid, "", "", "the Hadoop configuration has the nameservice %s, but no %s", service, key).
				WithHint("Add it to hdfs-site.xml")
		}
		one, err := addresses(conf[key])
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// addresses checks one and gives it the default port where it has none.
func addresses(text string) ([]string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil { // no port
		host, port = text, defaultPort
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			host = text[1 : len(text)-1]
		}
	}
	number, bad := strconv.ParseUint(port, 10, 16)
	bracketed := strings.HasPrefix(text, "[")
	if bad != nil || number == 0 || host == "" || strings.ContainsAny(host, "@/ \t?#%,[]") || strings.Contains(host, ":") != bracketed {
		return nil, errs.New(errs.Invalid, "", "", "malformed address %q of a namenode", text).
			WithHint("Write hdfs://namenode:port/path; HADOOP_USER_NAME names the user")
	}
	return []string{net.JoinHostPort(host, port)}, nil
}

// umask is the mask of the mode of what is created: fs.permissions.umask-mode.
func umask(conf hadoopconf.HadoopConf) os.FileMode {
	const usual = 0o022
	mask, err := strconv.ParseUint(conf["fs.permissions.umask-mode"], 8, 9)
	if err != nil {
		return usual // also for the symbolic form, which Hadoop has beside the octal one
	}
	return os.FileMode(mask)
}

// number is a whole number of the configuration, or otherwise.
func number(conf hadoopconf.HadoopConf, key string, otherwise int) int {
	if n, err := strconv.Atoi(conf[key]); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// size is a number of bytes of the configuration, which may end in a unit as
// 128m does, or otherwise.
func size(conf hadoopconf.HadoopConf, key string, otherwise int64) int64 {
	text, shift := strings.ToLower(strings.TrimSpace(conf[key])), 0
	if text == "" {
		return otherwise
	}
	if unit := strings.IndexByte("kmgtpe", text[len(text)-1]); unit >= 0 {
		text, shift = text[:len(text)-1], 10*(unit+1)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64>>shift {
		return otherwise
	}
	return n << shift
}
