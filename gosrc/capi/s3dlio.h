/*
 * The whole boundary between the Go library and its callers.
 *
 * cffi parses this file (without its # lines) and the Go exports are compiled
 * against it, so neither side can drift from the other.
 *
 * Rules
 *  - A handle is a number that is never used twice. Freeing an unknown or
 *    already freed handle does nothing.
 *  - Strings are UTF-8 with a length; they are not NUL-terminated.
 *  - Memory passed in is borrowed. For a stream it must stay valid and
 *    unchanged until s3d_stream_drained() has answered 1; for a writer, where it
 *    is lent, until `in_use` of s3d_writer_progress is beyond it.
 *  - Nothing blocks for longer than the timeout it is given; calls without a
 *    timeout return at once.
 *  - A function that can fail returns an s3d_code and fills *error (when error
 *    is not NULL) with a JSON object that the caller frees with s3d_text_free().
 *  - No function may be called in a forked child of the process that loaded the
 *    library: the child loads a copy of its own.
 */
#ifndef S3DLIO_H
#define S3DLIO_H
#include <stddef.h>
#include <stdint.h>

#define S3D_ABI_VERSION 1

/* Outcome of a call or of one item. The names are those of the Python exceptions. */
typedef enum {
    S3D_OK = 0,
    S3D_ERR_INVALID = 1,         /* malformed URI, option or argument */
    S3D_ERR_UNSUPPORTED = 2,     /* unknown scheme, or an operation a scheme does not have */
    S3D_ERR_NOT_FOUND = 3,       /* no such object, file, bucket or prefix */
    S3D_ERR_ALREADY_EXISTS = 4,
    S3D_ERR_PERMISSION = 5,      /* refused: wrong credentials or not allowed */
    S3D_ERR_CREDENTIALS = 6,     /* no usable credentials could be found */
    S3D_ERR_IS_DIRECTORY = 7,
    S3D_ERR_NOT_DIRECTORY = 8,
    S3D_ERR_OUT_OF_RANGE = 9,    /* offset beyond the end of the object */
    S3D_ERR_CHANGED = 10,        /* the object changed while it was being read */
    S3D_ERR_TRUNCATED = 11,      /* fewer bytes arrived than were announced */
    S3D_ERR_THROTTLED = 12,      /* the service asked to slow down, retries used up */
    S3D_ERR_TIMEOUT = 13,
    S3D_ERR_CONNECTION = 14,     /* no connection, or it broke, retries used up */
    S3D_ERR_SERVER = 15,         /* the service failed (5xx), retries used up */
    S3D_ERR_NO_SPACE = 16,
    S3D_ERR_IO = 17,             /* any other failure of the operating system */
    S3D_ERR_CANCELLED = 18,
    S3D_ERR_CLOSED = 19,         /* the handle was closed or belongs to another process */
    S3D_ERR_INTERNAL = 20,       /* a panic in the library: a bug to report */
    S3D_CODE_COUNT = 21
} s3d_code;

typedef enum {
    S3D_OP_GET = 1,              /* read objects or ranges of them */
    S3D_OP_STAT = 2,
    S3D_OP_PUT = 3,
    S3D_OP_DELETE = 4,
    S3D_OP_LIST = 5,             /* items are pages: data points to an s3d_page */
    S3D_OP_LIST_CONTAINERS = 6,  /* one item a page, as LIST */
    S3D_OP_CREATE_CONTAINER = 7,
    S3D_OP_DELETE_CONTAINER = 8,
    S3D_OP_MKDIR = 9,
    S3D_OP_GET_LISTED = 10,      /* list each URI and read what is found there */
    S3D_OP_COPY = 11,            /* store each object at its target, of any scheme */
    S3D_OP_DIAGNOSE = 12         /* find out how a store is used, and what is wrong: see backend.Finding */
} s3d_op;

typedef uint64_t s3d_client;
typedef uint64_t s3d_stream;
typedef uint64_t s3d_buffer;
typedef uint64_t s3d_writer;

typedef struct {
    const char *ptr;
    int64_t len;
} s3d_str;

/*
 * What a stream is to do. The URI of request i is `base` followed by name
 * order[i]; name j ends at name_ends[j] in `names` and begins where name j-1
 * ends. Columns that are NULL mean the default for every request.
 */
typedef struct {
    int64_t count;               /* number of requests */
    s3d_str base;                /* common beginning of all URIs, may be empty */
    const char *names;
    const int64_t *name_ends;
    const int64_t *order;        /* [count] which name; NULL: i */
    const int64_t *sizes;        /* by name: size of the object, -1 unknown */
    const int64_t *offsets;      /* [count] first byte to read; NULL: 0 */
    const int64_t *lengths;      /* [count] bytes to read, -1: to the end */
    void *const *memory;         /* [count] GET: where to write; PUT: what to store */
    const int64_t *memory_len;   /* [count] */
    s3d_str target_base;         /* COPY: common beginning of all targets, may be empty */
    const char *targets;         /* COPY: target i ends at target_ends[i], as the names do */
    const int64_t *target_ends;  /* [count] */
    const char *etags;           /* GET: the object must have this ETag, as s3d_page has it, at every request of the
                                    read, else S3D_ERR_CHANGED; ETag i ends at etag_ends[i]; an empty one: any */
    const int64_t *etag_ends;    /* [count]; NULL: any for all */
} s3d_requests;

typedef struct {
    int32_t op;                  /* s3d_op */
    int32_t ordered;             /* 1: items come in request order; 0: as they finish */
    int32_t recursive;           /* LIST, GET_LISTED */
    int32_t event_fd;            /* 1: make an eventfd, see s3d_stream_event_fd() */
    int64_t max_concurrent;      /* requests under way at once, > 0 */
    int64_t max_objects;         /* objects under way at once; 0: max_concurrent */
    int64_t max_inflight_parts;  /* requests under way for one object; 0: max_concurrent */
    int64_t part_size;           /* bytes; larger reads and writes are split; 0: never split */
    int64_t memory_budget;       /* bytes fetched or being fetched and not yet taken, > 0 */
    int64_t prefetch;            /* items started and not yet taken; 0: the budget alone decides */
    s3d_str pattern;             /* LIST, GET_LISTED: glob on the name below the prefix; empty: all */
    int64_t shard_index;         /* GET_LISTED: keep entries i with i % shard_count == shard_index */
    int64_t shard_count;         /* 0 or 1: keep all */
    int64_t group;               /* GET, GET_LISTED: each so many whole objects, counted from the first, lie side
                                    by side in one buffer if all are listed with one size; 0: never */
    int32_t tell_etags;          /* GET: 1: the text of each item is the ETag of its object */
    int32_t fresh_memory;        /* GET: 1: the memory to write to was never touched; its pages are made many at once */
} s3d_stream_options;

typedef struct {
    int64_t index;               /* of the request; LIST: of the page; GET_LISTED: of the entry */
    int32_t code;                /* s3d_code; anything but S3D_OK has its error in `text` */
    int32_t micros;              /* from the beginning of its work to the end, in microseconds; LIST: 0 */
    uint8_t *data;               /* GET: the bytes; LIST: an s3d_page */
    int64_t len;                 /* bytes at data */
    int64_t size;                /* of the whole object, -1 unknown */
    s3d_buffer buffer;           /* owner of data, 0 where there is none: s3d_buffer_release() */
    char *text;                  /* JSON (error, STAT, PUT, COPY), URI (GET_LISTED), ETag (GET with tell_etags);
                                    s3d_text_free() */
    int64_t text_len;
} s3d_item;

/* A page of a listing, in one buffer. Name j is as in s3d_requests; `base` + name is its URI. */
typedef struct {
    int64_t count;
    s3d_str base;
    const char *names;
    const int64_t *name_ends;
    const int64_t *sizes;        /* -1: a common prefix (a directory) */
    const int64_t *mtimes_ns;    /* since 1970, UTC; 0 unknown */
    const char *etags;
    const int64_t *etag_ends;
    const char *classes;         /* the storage classes there are, one behind the other; one is empty: not known */
    const int64_t *class_ends;   /* [class_count] */
    int64_t class_count;         /* at least 1 */
    const int64_t *class_of;     /* which of them an object has; NULL: all have the first */
    int64_t restored_count;
    const int64_t *restored;     /* objects that are restored from an archive, or are being restored */
    const int64_t *restored_until; /* seconds since 1970, 0: not known; -1: in progress */
} s3d_page;

typedef struct {
    char *ptr;
    int64_t len;
} s3d_text;

/*
 * What an instance of the Python type for views holds behind its object header.
 * Python makes that type with PyType_FromSpec out of the functions further below,
 * because nothing in pure Python exports a buffer that is correct, cheap for
 * every size, and outlives its export as torch.frombuffer needs it.
 */
typedef struct {
    uint8_t *data;
    int64_t len;
    s3d_buffer buffer;           /* released with the instance; 0: none of its own */
} s3d_view;

/* What the type needs of CPython: functions of its stable ABI, and the size of an object header. */
typedef struct {
    int (*fill_info)(void *buffer, void *object, void *data, ptrdiff_t len, int readonly, int flags);
                                 /* PyBuffer_FillInfo */
    void *(*type_of)(void *object);          /* PyObject_Type */
    void *(*get_slot)(void *type, int slot); /* PyType_GetSlot */
    void (*dec_ref)(void *object);           /* Py_DecRef */
    int64_t header;
} s3d_python;

/* S3D_ABI_VERSION of the library; the caller compares it before anything else. */
int32_t s3d_abi_version(void);
/* JSON: version of the library and of Go, the schemes it knows, and what each can do. */
s3d_text s3d_describe(void);
/* How many threads run Go code at once (0 asks only). Returns the number before. */
int32_t s3d_set_parallelism(int32_t threads);
/* 0 error, 1 warning, 2 info, 3 debug; lines go to standard error. */
void s3d_set_log_level(int32_t level);

/* config: JSON object, see gosrc/internal/config. */
int32_t s3d_client_new(s3d_str config, s3d_client *client, s3d_text *error);
void s3d_client_free(s3d_client client);
/* JSON: requests, attempts, bytes and failures by endpoint. */
int32_t s3d_client_stats(s3d_client client, s3d_text *stats, s3d_text *error);

int32_t s3d_stream_open(s3d_client client, s3d_requests *requests,
                        s3d_stream_options *options, s3d_stream *stream, s3d_text *error);
/*
 * Takes up to `capacity` finished items; waits for `wanted` of them, but not
 * longer than timeout_ms, and not while the stream cannot go on until some are
 * taken. *taken = 0 with S3D_OK: nothing yet. *finished = 1: no more will come.
 */
int32_t s3d_stream_next(s3d_stream stream, s3d_item *items, int64_t capacity, int64_t wanted,
                        int32_t timeout_ms, int64_t *taken, int32_t *finished, s3d_text *error);
/* A descriptor that is readable while items wait or the stream has ended; -1 without event_fd. */
int32_t s3d_stream_event_fd(s3d_stream stream);
/* COPY: bytes written so far, those of objects that are not finished included. */
int64_t s3d_stream_moved(s3d_stream stream);
/* Stops the work; items not taken are dropped. */
void s3d_stream_cancel(s3d_stream stream);
/* 1: nothing of the caller's memory is in use any more. */
int32_t s3d_stream_drained(s3d_stream stream, int32_t timeout_ms);
/* Cancels the stream and forgets it once it is drained, which it may be asked until then. */
void s3d_stream_free(s3d_stream stream);

/*
 * A writer stores one object from bytes that come piece by piece, in parts, and
 * publishes it when it is finished. Until then nothing is visible; what fails or
 * is aborted leaves nothing behind. One call at a time moves bytes. Where *done
 * stays 0 the time was not enough: the same call goes on where it was.
 */
typedef struct {
    int64_t taken;               /* bytes accepted */
    int64_t stored;              /* bytes that went into parts: compressed ones, where they are */
    int64_t in_use;              /* lent memory with the bytes from here on may be in use */
} s3d_writer_progress;

/* options: JSON object, see gosrc/internal/upload. No network I/O yet. */
int32_t s3d_writer_open(s3d_client client, s3d_str uri, s3d_str options, s3d_writer *writer, s3d_text *error);
/* Takes up to len bytes, which it only reads; *taken of them in time. lend: whole parts are sent from where they lie. */
int32_t s3d_writer_write(s3d_writer writer, void *data, int64_t len, int32_t lend, int32_t timeout_ms,
                         int64_t *taken, s3d_text *error);
/*
 * Space for len bytes inside the part that is being filled: *item gets data, len
 * and buffer, which may outlive the writer. The next call is s3d_writer_commit.
 * *done = -1: the part has no room for so many.
 */
int32_t s3d_writer_reserve(s3d_writer writer, int64_t len, int32_t timeout_ms, s3d_item *item, int32_t *done,
                           s3d_text *error);
/* Counts the first len bytes of the reserved space as written. */
int32_t s3d_writer_commit(s3d_writer writer, int64_t len, int32_t timeout_ms, int32_t *done, s3d_text *error);
/* Waits until all parts that are full are stored. */
int32_t s3d_writer_flush(s3d_writer writer, int32_t timeout_ms, int32_t *done, s3d_text *error);
/* Publishes the object. *result: JSON with bytes_written, compressed_bytes, parts, etag, checksum (CRC32C). */
int32_t s3d_writer_finish(s3d_writer writer, int32_t timeout_ms, s3d_text *result, int32_t *done, s3d_text *error);
/* Gives the object up and removes its parts; harmless at the end. 1: done. */
int32_t s3d_writer_abort(s3d_writer writer, int32_t timeout_ms);
int32_t s3d_writer_state(s3d_writer writer, s3d_writer_progress *progress);
/* 1: the writer has ended, and nothing of it is under way. */
int32_t s3d_writer_drained(s3d_writer writer, int32_t timeout_ms);
/* Aborts the writer unless it has ended, and forgets it once it is drained. */
void s3d_writer_free(s3d_writer writer);

/* CRC32C of what `sum` is already that of, followed by these bytes; begin with 0. */
uint32_t s3d_crc32c(uint32_t sum, void *data, int64_t len);

void s3d_buffer_release(s3d_buffer buffer);
void s3d_text_free(char *text);

/* Before the first view is made. */
void s3d_view_setup(const s3d_python *functions);
/* Py_bf_getbuffer and Py_tp_dealloc. Unlike all others, safe in a forked child. */
int s3d_view_get_buffer(void *object, void *buffer, int flags);
void s3d_view_dealloc(void *object);

/*
 * Fills memory with bytes `from` to from + length of generated data of `size`
 * bytes: one block of `dedup` is unique, one byte of `compress` is random and the
 * others zero, and of each 8 random bytes only the bits of `mask` are set. `from`
 * is a multiple of S3D_GENERATE_BLOCK. It takes a millisecond a megabyte or less:
 * callers ask for pieces.
 */
#define S3D_GENERATE_BLOCK 65536
int32_t s3d_generate(uint8_t *memory, int64_t length, int64_t from, int64_t size, int64_t dedup,
                     int64_t compress, uint64_t seed, uint64_t mask, s3d_text *error);

/* JSON: bytes in use, pooled and handed out, live streams, writers, clients and goroutines. */
s3d_text s3d_memory_stats(void);

/*
 * The op-log of this process: a line for each operation, see gosrc/internal/oplog.
 * client_id is that column of it; own_name: 1 puts the number of the process into
 * the name. Finishing waits until all lines are written.
 */
int32_t s3d_oplog_start(s3d_str path, s3d_str client_id, int32_t own_name, s3d_text *error);
int32_t s3d_oplog_finish(int32_t timeout_ms, s3d_text *error);
s3d_text s3d_oplog_stats(void);

/* Around fork(): waits until no O_DIRECT read is under way and holds new ones; 1 when quiet. */
int32_t s3d_fork_prepare(int32_t timeout_ms);
void s3d_fork_resume(void);

#endif
