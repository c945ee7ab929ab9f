// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Guests that connect at one time. */
#define BACKLOG 64

/*
 * Two servers that start at one time must not both find a dead one's socket, and
 * each remove what the other has made: the folder is locked meanwhile. Closing
 * the descriptor unlocks it.
 */
static int lock_folder(const char *path)
{
	char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd;

	strcpy(copy, path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Remove a dead server's socket; what is in the way otherwise is an error. */
static int clear_way(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	/* Closing keeps errno: it is a socket. */
	close(fd);
	if (rc == 0 || errno != ECONNREFUSED) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(address->sun_path);
}

static int listen_at(struct listener *listener)
{
	const struct sockaddr *address = (const struct sockaddr *)&listener->address;
	struct stat st;

	/* The socket's mode before it is bound is that of the file, less the umask. */
	if (fchmod(listener->fd, S_IRUSR | S_IWUSR) < 0 ||
	    bind(listener->fd, address, sizeof(listener->address)) < 0)
		return -1;
	if (lstat(listener->address.sun_path, &st) < 0 ||
	    listen(listener->fd, BACKLOG) < 0) {
		unlink(listener->address.sun_path);
		return -1;
	}
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}

int listener_open(struct listener *listener, const char *path)
{
	int lock, saved;

	if (strlen(path) >= sizeof(listener->address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memset(listener, 0, sizeof(*listener));
	listener->address.sun_family = AF_UNIX;
	strcpy(listener->address.sun_path, path);
	lock = lock_folder(path);
	if (lock < 0)
		return -1;
	listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0 || clear_way(&listener->address) < 0 ||
	    listen_at(listener) < 0) {
		saved = errno;
		if (listener->fd >= 0)
			close(listener->fd);
		close(lock);
		errno = saved;
		return -1;
	}
	close(lock);
	return 0;
}

void listener_close(struct listener *listener)
{
	struct stat st;

	if (lstat(listener->address.sun_path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		unlink(listener->address.sun_path);
	close(listener->fd);
}
