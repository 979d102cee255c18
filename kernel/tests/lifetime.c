// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading the module, and what keeps it loaded.
 *
 *	ASHMEM_KO=FILE lifetime
 *
 * FILE is the module that is loaded now; the program loads it again after each
 * unload. No other program may use the device meanwhile.
 *
 * defect 12: init errors leak; loading beside another ashmem oopses
 * defect 18: unload while a mapping lives
 */
#include <elf.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "client.h"

/* The end of a signed module. */
#define SIGNED	"~Module signature appended~\n"

/* This program also tests Debian's build of Android's driver. */
static const char *module_name(void)
{
	return driver_is_original() ? "ashmem_linux" : "ashmem";
}

static const char *module_file(void)
{
	const char *file = getenv("ASHMEM_KO");

	if (!file)
		FAIL("ASHMEM_KO is not set: it must name the module's file");
	return file;
}

static int load_file(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), result, error;

	if (fd < 0)
		FAIL("open %s: %s", file, errno_name(errno));
	result = syscall(SYS_finit_module, fd, "", 0);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static int load(void)
{
	return load_file(module_file());
}

static int unload(void)
{
	return syscall(SYS_delete_module, module_name(), O_NONBLOCK);
}

static bool is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return access(path, F_OK) == 0;
}

/* A case that fails half-way must not leave the others without the device. */
AFTER_EACH_CASE(load_again)
{
	const char *file = getenv("ASHMEM_KO");
	int fd;

	if (!file || is_loaded(module_name()))
		return;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		printf("# %s cannot be loaded again: %s\n", file,
		       errno_name(errno));
	close(fd);
}

#define CHECK_UNLOAD_IS_REFUSED()					\
	do {								\
		CHECK_EQ(-1, unload());					\
		CHECK(errno == EWOULDBLOCK || errno == EBUSY);		\
		CHECK(is_loaded(module_name()));				\
	} while (0)

/* A process that has just died may keep the module for a moment more. */
static void check_unload_and_load(void)
{
	while (unload()) {
		CHECK(errno == EWOULDBLOCK);
		sleep_ms(1);
	}
	CHECK(!is_loaded(module_name()));
	CHECK_EQ(-1, open(DEVICE, O_RDWR));
	CHECK(errno == ENOENT || errno == ENXIO || errno == ENODEV);
	CHECK_OK(load());
}

/* Nothing uses the module, so it can be unloaded. The original never can. */
static void check_unload_is_granted(void)
{
	if (driver_is_original())
		CHECK_ERRNO(EBUSY, unload());
	else
		check_unload_and_load();
}

static void use_device(void)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	unpin(fd, 2, 3);
	CHECK_EQ(3, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 8));
	CHECK_PAGES(p, 0, 2, 1);
	CHECK_ZERO(p, 2, 3);
	CHECK_OK(munmap(p, 8 * page_size));
	close(fd);
}

CASE(unload_is_refused_while_a_descriptor_is_open)
{
	int fd = region_open(), fd2 = CHECK_OK(dup(fd));

	module_file();
	CHECK_UNLOAD_IS_REFUSED();
	close(fd);
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_EQ(0, get_size(fd2));
	close(fd2);
	check_unload_and_load();
	use_device();
}

CASE(unload_is_refused_while_a_descriptor_is_on_its_way)
{
	int fd = region_open(), sockets[2];

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	send_descriptor(sockets[0], fd);
	close(fd);
	CHECK_UNLOAD_IS_REFUSED();
	close(sockets[0]);
	close(sockets[1]);
	check_unload_and_load();
}

CASE(defect_18_unload_while_a_mapping_lives)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	unpin(fd, 4, 4);
	close(fd);
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_PAGES(p, 0, 8, 1);
	write_pages(p, 0, 8, 2);
	drop_caches("3");
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_PAGES(p, 0, 8, 2);
	CHECK_OK(munmap(p, 8 * page_size));
	check_unload_is_granted();
	use_device();
}

CASE(defect_18_unload_while_a_part_of_a_mapping_lives)
{
	int fd;
	char *p = region_of_pages(&fd, 9), *q;

	write_pages(p, 0, 9, 1);
	close(fd);
	q = mremap(p, 0, 9 * page_size, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK_OK(munmap(p, 9 * page_size));
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_OK(munmap(q + 3 * page_size, 3 * page_size));
	CHECK_OK(munmap(q, 3 * page_size));
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_PAGES(q, 6, 3, 1);
	CHECK_OK(munmap(q + 6 * page_size, 3 * page_size));
	check_unload_is_granted();
}

CASE(defect_18_unload_while_a_child_has_the_mapping)
{
	struct meeting m = meeting_create();
	int fd;
	char *p = region_of_pages(&fd, 8);
	pid_t pid;

	write_pages(p, 0, 8, 1);
	pid = checked_fork();
	if (!pid) {
		close(fd);
		wait_for_parent(&m);
		CHECK_PAGES(p, 0, 8, 1);
		_exit(0);
	}
	CHECK_OK(munmap(p, 8 * page_size));
	close(fd);
	CHECK_UNLOAD_IS_REFUSED();
	tell_child(&m);
	CHECK_CHILD(pid);
	check_unload_is_granted();
}

CASE(defect_18_unload_while_a_read_only_mapping_lives)
{
	int fd = CHECK_OK(open(DEVICE, O_RDONLY));
	char *p;

	CHECK_EQ(0, set_size(fd, page_size));
	p = checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0);
	close(fd);
	CHECK_UNLOAD_IS_REFUSED();
	CHECK_ZERO(p, 0, 1);
	CHECK_OK(munmap(p, page_size));
	check_unload_is_granted();
}

/* A private mapping may keep the module or not; it must work in both cases. */
CASE(defect_18_unload_while_a_private_mapping_lives)
{
	int fd = region_create(8 * page_size);
	char *p = checked_map(fd, 8 * page_size, RW, MAP_PRIVATE, 0);

	write_pages(p, 0, 4, 1);
	close(fd);
	if (unload())
		CHECK(errno == EWOULDBLOCK || errno == EBUSY);
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_ZERO(p, 4, 4);
	write_pages(p, 4, 4, 1);
	CHECK_OK(mprotect(p, page_size, PROT_READ));
	CHECK_STR("/dev/ashmem (deleted)", maps_line_at(p).path);
	CHECK_OK(munmap(p, 8 * page_size));
	if (!is_loaded(module_name()))
		CHECK_OK(load());
	check_unload_is_granted();
}

/*
 * A fault that waits, as for a process that fills missing pages by userfaultfd, releases
 * mmap_lock. Then the last mapping may go, and the module with it, before the fault
 * returns. So a fault never waits in this way: it fails. Older kernels let userfaultfd
 * serve only shmem's own mappings.
 */
CASE(defect_18_fault_does_not_wait_for_userfaultfd)
{
	pid_t pid;
	int status;

	/* CONFIG_DEBUG_VM */
	expect_call_trace();
	pid = checked_fork();
	if (!pid) {
		int fd, uffd = CHECK_OK(syscall(SYS_userfaultfd, O_CLOEXEC));
		struct uffdio_api api = { .api = UFFD_API };
		struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
		char *p = region_of_pages(&fd, 1);

		CHECK_OK(ioctl(uffd, UFFDIO_API, &api));
		r.range.start = (uintptr_t)p;
		r.range.len = page_size;
		if (ioctl(uffd, UFFDIO_REGISTER, &r)) {
			CHECK_EQ(EINVAL, errno);
			raise(SIGBUS);
		}
		*p = 1;
		FAIL("a page came, but nobody has filled it");
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(SIGBUS, WTERMSIG(status));
}

CASE(refused_mmaps_do_not_keep_the_module)
{
	for (int i = 0; i < 50; i++) {
		int fd = region_create(page_size);

		CHECK_OK(set_mask(fd, PROT_READ));
		CHECK_ERRNO(EINVAL, try_map(fd, 2 * page_size, PROT_READ,
					    MAP_SHARED, 0));
		CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
		CHECK_EQ(0, try_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
		CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_PRIVATE, 0));
		CHECK_EQ(0, try_map(fd, page_size, PROT_READ, MAP_PRIVATE, 0));
		close(fd);
	}
	check_unload_and_load();
}

CASE(remapping_does_not_keep_the_module)
{
	for (int i = 0; i < 20; i++) {
		int fd;
		char *p = region_of_pages(&fd, 4);

		remap_file_pages(p, page_size, 0, 2, 0);
		munmap(p, 4 * page_size);
		close(fd);
	}
	check_unload_and_load();
}

CASE_LIMIT(unloaded_and_loaded_again_and_again, 60)
{
	for (int i = 0; i < 10; i++) {
		use_device();
		check_unload_and_load();
	}
	use_device();
}

CASE_LIMIT(unloaded_while_caches_are_dropped_and_regions_opened, 60)
{
	struct { atomic_int drops, regions; } *seen = map_shared(sizeof(*seen));
	int unloads = 0;
	pid_t pid[2];

	pid[0] = checked_fork();
	while (!pid[0]) {
		drop_caches("2");
		atomic_fetch_add(&seen->drops, 1);
	}
	pid[1] = checked_fork();
	while (!pid[1]) {
		int fd = open(DEVICE, O_RDWR), discarded = 0;
		char *p;

		if (fd < 0) {
			CHECK(errno == ENOENT || errno == ENXIO ||
			      errno == ENODEV);
			continue;
		}
		CHECK_EQ(0, set_size(fd, 4 * page_size));
		p = region_map(fd, 4 * page_size);
		p[page_size] = 1;
		unpin(fd, 1, 1);
		discarded = pin(fd, 1, 1);
		CHECK_EQ(discarded ? 0 : 1, p[page_size]);
		unpin(fd, 0, 4);
		close(fd);
		CHECK_OK(munmap(p, 4 * page_size));
		atomic_fetch_add(&seen->regions, 1);
		sleep_ms(5);
	}
	while (race_goes_on(unloads < 8 || atomic_load(&seen->drops) < 8)) {
		int regions;

		if (unload()) {
			CHECK(errno == EWOULDBLOCK);
			continue;
		}
		CHECK_OK(load());
		/* Every other time, the device is used before the next unload. */
		regions = atomic_load(&seen->regions);
		if (unloads++ % 2)
			WAIT_UNTIL(atomic_load(&seen->regions) > regions);
	}
	CHECK(unloads);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(kill(pid[i], SIGKILL));
		CHECK_OK(waitpid(pid[i], NULL, 0));
	}
	use_device();
}

CASE(defect_12_loaded_twice)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	unpin(fd, 0, 1);
	for (int i = 0; i < 5; i++)
		CHECK_ERRNO(EEXIST, load());
	CHECK_EQ(1, purge_all());
	CHECK_PAGES(p, 1, 3, 1);
	CHECK_OK(munmap(p, 4 * page_size));
	close(fd);
	check_unload_is_granted();
	use_device();
}

/* Replaces each @text that a NUL follows, in place: ashmem becomes ashnem. */
static int rename_all(char *from, size_t bytes, const char *text)
{
	size_t length = strlen(text) + 1;
	int count = 0;
	char *at;

	while ((at = memmem(from, bytes, text, length))) {
		at[strcspn(text, "m")] = 'n';
		count++;
	}
	return count;
}

/*
 * Writes the same module under another name. Its init reaches the device, whose
 * name is taken, as beside another driver of ashmem.
 */
static void write_twin(const char *path)
{
	int in = CHECK_OK(open(module_file(), O_RDONLY));
	int out = CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
	struct stat st;
	char *image;
	const Elf64_Ehdr *elf;
	const Elf64_Shdr *sections;
	const char *names;
	int renamed = 0;

	CHECK_OK(fstat(in, &st));
	image = checked_map(in, st.st_size, RW, MAP_PRIVATE, 0);
	elf = (void *)image;
	CHECK(!memcmp(elf->e_ident, ELFMAG, SELFMAG));
	sections = (void *)(image + elf->e_shoff);
	names = image + sections[elf->e_shstrndx].sh_offset;
	for (int i = 0; i < elf->e_shnum; i++) {
		const Elf64_Shdr *s = &sections[i];
		const char *name = names + s->sh_name;
		char *content = image + s->sh_offset;

		if (!strcmp(name, ".gnu.linkonce.this_module"))
			renamed += rename_all(content, s->sh_size,
					      module_name());
		else if (!strcmp(name, ".modinfo"))
			rename_all(content, s->sh_size, module_name());
	}
	CHECK_EQ(1, renamed);
	/* Debug kernels complain about two caches of the same name. */
	rename_all(image, st.st_size, "ashmem_range");
	/* A signature is no longer valid; no signature is better than a wrong one. */
	if (!memcmp(image + st.st_size - strlen(SIGNED), SIGNED,
		    strlen(SIGNED)))
		st.st_size -= strlen(SIGNED);
	CHECK_EQ(st.st_size, write(out, image, st.st_size));
	close(in);
	close(out);
}

/* The module logged @text once, and the kernel logged no warning. */
static void check_said_once(int log, const char *text)
{
	char line[8192];
	int said = 0;
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		said += !!strstr(line, text);
		if (strstr(line, "duplicate") || strstr(line, "WARNING") ||
		    strstr(line, "Call Trace"))
			FAIL("the kernel complained: %s", line);
	}
	CHECK_ERRNO(EAGAIN, n);
	CHECK_EQ(1, said);
}

CASE(defect_12_loaded_beside_another_ashmem)
{
	const char *twin = "/tmp/ashnem.ko";
	const char *twin_name = driver_is_original() ? "ashnem_linux" : "ashnem";
	int log = CHECK_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK)), fd;
	char *p = region_of_pages(&fd, 4);

	CHECK_OK(lseek(log, 0, SEEK_END));
	write_twin(twin);
	write_pages(p, 0, 4, 1);
	unpin(fd, 0, 1);
	for (int i = 0; i < 5; i++) {
		CHECK_ERRNO(EBUSY, load_file(twin));
		CHECK(!is_loaded(twin_name));
		check_said_once(log, "ashmem: another driver provides /dev/ashmem already");
	}
	CHECK_OK(unlink(twin));
	drop_caches("2");
	CHECK_EQ(0, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
	CHECK_PAGES(p, 1, 3, 1);
	CHECK_OK(munmap(p, 4 * page_size));
	close(fd);
	check_unload_is_granted();
	use_device();
}
