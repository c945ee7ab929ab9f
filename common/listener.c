// SPDX-License-Identifier: GPL-2.0-or-later
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Peers that connect at one time. */
#define BACKLOG     64

#define LOCK_TRIES  100
#define LOCK_NAP_NS 10000000

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
	/* Anybody may lock a folder for ever; another server is quick. */
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		const struct timespec nap = { .tv_nsec = LOCK_NAP_NS };

		if (errno == EWOULDBLOCK && i < LOCK_TRIES) {
			(void)nanosleep(&nap, NULL);
			continue;
		}
		close(fd);
		return -1;
	}
	return fd;
}

/* Remove a dead server's socket; what is in the way otherwise is an error. */
static int clear_way(const struct sockaddr_un *address, int type)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

int listener_open(struct listener *listener, const char *path, int type)
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
	listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listener->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->spare_fd < 0 || listener->fd < 0 ||
	    clear_way(&listener->address, type) < 0 || listen_at(listener) < 0) {
		saved = errno;
		if (listener->fd >= 0)
			close(listener->fd);
		if (listener->spare_fd >= 0)
			close(listener->spare_fd);
		close(lock);
		errno = saved;
		return -1;
	}
	close(lock);
	return 0;
}

static int accept_any(const struct listener *listener)
{
	/* Who connects has no name, and accept4(2) takes no place for it. */
	/* cppcheck-suppress nullPointer */
	return accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int listener_accept(struct listener *listener)
{
	int fd = accept_any(listener), error = errno;

	if (fd >= 0 || (error != EMFILE && error != ENFILE))
		return fd;
	close(listener->spare_fd);
	fd = accept_any(listener);
	if (fd >= 0)
		close(fd);
	listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = error;
	return -1;
}

void listener_close(struct listener *listener)
{
	struct stat st;

	if (lstat(listener->address.sun_path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		unlink(listener->address.sun_path);
	close(listener->fd);
	close(listener->spare_fd);
}
