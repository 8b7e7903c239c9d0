package backend

// Capabilities is what a program may count on with the objects of a scheme.
type Capabilities struct {
	Provider string `json:"provider"` // the scheme

	// What the contract demands of every backend, and the conformance suite checks.
	Ranges          bool `json:"ranges"`           // reads of parts of an object
	ETags           bool `json:"etags"`            // they change with the content, and reads can be pinned to one
	AtomicPut       bool `json:"atomic_put"`       // nothing is visible before it is whole
	MultipartUpload bool `json:"multipart_upload"` // in concurrent parts
	GetInto         bool `json:"get_into"`         // reads into memory of the caller
	Head            bool `json:"head"`             // a description without the content

	// Where they differ.
	ContentType  bool  `json:"content_type"`
	UserMetadata bool  `json:"user_metadata"`
	StorageClass bool  `json:"storage_class"` // can be chosen
	Local        bool  `json:"local"`         // files of this machine
	Containers   bool  `json:"containers"`    // buckets, which can be made and removed
	Directories  bool  `json:"directories"`   // they exist by themselves
	MinPartSize  int64 `json:"min_part_size"` // bytes of a part of an upload but the last; 0: no limit
	MaxParts     int   `json:"max_parts"`     // 0: no limit
}

// Capabilities of a driver; no request is made.
func (d Driver) Capabilities() Capabilities {
	return Capabilities{
		Provider: d.Scheme,
		Ranges:   true, ETags: true, AtomicPut: true, MultipartUpload: true, GetInto: true, Head: true,
		ContentType: d.Attributes, UserMetadata: d.Attributes, StorageClass: d.StorageClasses,
		Local: d.Local, Containers: d.Containers(), Directories: d.Directories,
		MinPartSize: d.MinPart, MaxParts: d.MaxParts,
	}
}

// AllCapabilities is that of every scheme, by name.
func AllCapabilities() map[string]Capabilities {
	mu.RLock()
	defer mu.RUnlock()
	out := map[string]Capabilities{}
	for scheme, d := range drivers {
		out[scheme] = d.Capabilities()
	}
	return out
}
