package main

/*
#include <unistd.h>
#include "s3dlio.h"

// The C part of the Python type whose instances are views: plain C, since it
// runs inside the interpreter, also in a forked child, where no Go may run.

enum { tp_free = 74 }; // Py_tp_free of CPython's typeslots.h, part of its stable ABI

static s3d_python python;
static pid_t process;

void s3d_view_setup(const s3d_python *functions)
{
	python = *functions;
	process = getpid();
}

static s3d_view *fields(void *object) { return (s3d_view *)((char *)object + python.header); }

int s3d_view_get_buffer(void *object, void *buffer, int flags)
{
	return python.fill_info(buffer, object, fields(object)->data, fields(object)->len, 0, flags);
}

void s3d_view_dealloc(void *object)
{
	s3d_buffer buffer = fields(object)->buffer;
	void *type = python.type_of(object);
	void (*release)(void *) = python.get_slot(type, tp_free);
	release(object);
	python.dec_ref(type); // the reference of type_of
	python.dec_ref(type); // that of the instance
	if (buffer != 0 && getpid() == process)
		s3d_buffer_release(buffer);
}
*/
import "C"
