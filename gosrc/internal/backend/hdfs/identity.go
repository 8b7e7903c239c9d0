package hdfs

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"sync"

	"github.com/colinmarc/hdfs/v2"
	"github.com/colinmarc/hdfs/v2/hadoopconf"
	kerberos "github.com/jcmturner/gokrb5/v8/client"
	krbconfig "github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// identity is who the library is to a cluster. Without Kerberos a cluster
// believes the name it is told.
type identity struct {
	cfg  *config.Config
	conf hadoopconf.HadoopConf

	mu     sync.Mutex
	ticket *kerberos.Client // of the keytab, which renews itself; nil: not logged in yet
}

func newIdentity(cfg *config.Config, conf hadoopconf.HadoopConf) *identity {
	return &identity{cfg: cfg, conf: conf}
}

// options are those of a client, with all that depends on the user.
func (id *identity) options() (hdfs.ClientOptions, error) {
	o := hdfs.ClientOptionsFromConf(id.conf)
	if o.KerberosClient == nil {
		o.User = userName(id.cfg)
		return o, nil
	}
	if o.KerberosServicePrincipleName == "" {
		return o, errs.New(errs.Invalid, "", "", "the Hadoop configuration asks for Kerberos, but has no dfs.namenode.kerberos.principal").
			WithHint("Add it to hdfs-site.xml, as the cluster has it")
	}
	var err error
	o.KerberosClient, err = id.kerberos()
	return o, err
}

// userName is the user that a cluster without Kerberos is told.
func userName(cfg *config.Config) string {
	if name := cfg.Getenv("HADOOP_USER_NAME"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid()) // a container whose user has no name
}

// kerberos is a client with tickets: those of the keytab where the environment
// names one, or those that kinit left.
func (id *identity) kerberos() (*kerberos.Client, error) {
	settings := id.cfg.Getenv("KRB5_CONFIG")
	if settings == "" {
		settings = "/etc/krb5.conf"
	}
	krb5, err := krbconfig.Load(settings)
	if err != nil {
		return nil, noTicket(err, "%s cannot be read", settings)
	}
	if file := id.cfg.Getenv("KRB5_CLIENT_KTNAME"); file != "" {
		return id.fromKeytab(strings.TrimPrefix(file, "FILE:"), krb5)
	}
	return fromCache(id.cfg.Getenv("KRB5CCNAME"), krb5)
}

func (id *identity) fromKeytab(file string, krb5 *krbconfig.Config) (*kerberos.Client, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.ticket != nil {
		return id.ticket, nil
	}
	keys, err := keytab.Load(file)
	if err != nil {
		return nil, noTicket(err, "the keytab %s cannot be read", file)
	}
	if len(keys.Entries) == 0 {
		return nil, noTicket(nil, "the keytab %s is empty", file)
	}
	first := keys.Entries[0].Principal
	c := kerberos.NewWithKeytab(strings.Join(first.Components, "/"), first.Realm, keys, krb5, kerberos.DisablePAFXFAST(true))
	if err := c.Login(); err != nil {
		return nil, noTicket(err, "no ticket for the first principal of %s", file)
	}
	id.ticket = c
	return c, nil
}

// fromCache reads the tickets anew each time: kinit may have renewed them.
func fromCache(name string, krb5 *krbconfig.Config) (*kerberos.Client, error) {
	file := strings.TrimPrefix(name, "FILE:")
	switch {
	case file == "":
		file = fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid())
	case strings.Contains(file, ":"):
		return nil, noTicket(nil, "KRB5CCNAME is %s: only files can be read", name)
	}
	tickets, err := credentials.LoadCCache(file)
	if err != nil {
		return nil, noTicket(err, "the tickets in %s cannot be read", file)
	}
	c, err := kerberos.NewFromCCache(tickets, krb5)
	if err != nil {
		return nil, noTicket(err, "the tickets in %s are of no use", file)
	}
	return c, nil
}

// isHandshake says whether the library could not show a namenode a ticket.
func isHandshake(err error) bool { return strings.Contains(err.Error(), "SASL handshake: ") }

// handshakeFailed gives that its type; the library has made text of it.
func handshakeFailed(err error) error {
	if strings.Contains(err.Error(), krberror.NetworkingError) {
		return errs.Wrap(err, errs.Connection, "", "", "the Kerberos server cannot be reached").WithHint("Check the kdc of the realm in krb5.conf")
	}
	return noTicket(err, "no ticket that the namenode takes")
}

func noTicket(cause error, format string, args ...any) error {
	return errs.Wrap(cause, errs.Credentials, "", "", "Kerberos: "+format, args...).
		WithHint("Run kinit, or set KRB5_CLIENT_KTNAME to a keytab")
}
