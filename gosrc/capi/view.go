package main

/*
#include <unistd.h>
#include "s3dlio.h"

// The C part of the Python type whose instances are views: plain C, since it
// runs inside the interpreter, also in a forked child, where no Go may run.

static s3d_fill_buffer fill;
static int64_t offset;
static pid_t process;

void s3d_view_setup(s3d_fill_buffer fill_info, int64_t fields_offset)
{
	fill = fill_info;
	offset = fields_offset;
	process = getpid();
}

static s3d_view *fields(void *object) { return (s3d_view *)((char *)object + offset); }

int s3d_view_get_buffer(void *object, void *buffer, int flags)
{
	return fill(buffer, object, fields(object)->data, fields(object)->len, 0, flags);
}

void s3d_view_finalize(void *object)
{
	s3d_buffer buffer = fields(object)->buffer;
	if (buffer != 0 && getpid() == process)
		s3d_buffer_release(buffer);
}
*/
import "C"
