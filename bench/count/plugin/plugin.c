/*
 * A plugin for qemu-user's TCG that counts what a program does: user-space instructions of
 * each thread, system calls by number, and on request instructions of each function.
 *
 *   qemu-x86_64 -plugin plugin.so,out=FILE[,functions=on] PROGRAM
 *
 * At the end it writes FILE, a line an item: "thread INDEX COUNT", "syscall NUMBER COUNT",
 * "function NAME COUNT", and "end" last, so that a file that was cut off shows.
 *
 * Debian ships no header for plugins. The interface, version 1 (QEMU 4.2 to 8.x), is
 * declared here; qemu refuses a plugin of a version that it does not speak.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t id_t_;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*tb_callback)(id_t_, struct qemu_plugin_tb *);
typedef void (*exec_callback)(unsigned int, void *);
typedef void (*syscall_callback)(id_t_, unsigned int, int64_t, uint64_t, uint64_t, uint64_t,
				 uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef void (*exit_callback)(id_t_, void *);

extern void qemu_plugin_register_vcpu_tb_trans_cb(id_t_, tb_callback);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_callback, int, void *);
extern void qemu_plugin_register_vcpu_syscall_cb(id_t_, syscall_callback);
extern void qemu_plugin_register_atexit_cb(id_t_, exit_callback, void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { THREADS = 1024, SYSCALLS = 1024, FUNCTIONS = 1 << 16 };

/* One cache line a thread; each thread writes its own. */
static struct { uint64_t count; uint64_t rest[7]; } threads[THREADS];
static uint64_t syscalls[SYSCALLS];

/* Functions, an open hash by the symbol's address, which qemu keeps for good. */
struct function { const char *name; uint64_t count; };
static struct function functions[FUNCTIONS];
static bool by_function;
static char out[4096];

/* A block of instructions; never freed, as it may run until the end. */
struct block { uint64_t instructions; struct function *function; };

static void executed(unsigned int thread, void *data)
{
	const struct block *b = data;
	threads[thread % THREADS].count += b->instructions;
	if (b->function)
		__atomic_fetch_add(&b->function->count, b->instructions, __ATOMIC_RELAXED);
}

static struct function *find(const char *name)
{
	static char lock;
	struct function *found = NULL;
	if (!name)
		return NULL;
	while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE))
		;
	uint64_t hash = 1469598103934665603u;
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (size_t i = 0; i < FUNCTIONS && !found; i++) {
		struct function *f = &functions[(hash + i) % FUNCTIONS];
		if (!f->name)
			f->name = strdup(name);
		if (f->name && !strcmp(f->name, name))
			found = f;
	}
	__atomic_clear(&lock, __ATOMIC_RELEASE);
	return found;
}

static void translated(id_t_ id, struct qemu_plugin_tb *tb)
{
	(void)id;
	struct block *b = calloc(1, sizeof *b);
	if (!b)
		abort();
	b->instructions = qemu_plugin_tb_n_insns(tb);
	if (by_function)
		b->function = find(qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(tb, 0)));
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, b);
}

static void called(id_t_ id, unsigned int thread, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
		   uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)thread, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
	if (number >= 0 && number < SYSCALLS)
		__atomic_fetch_add(&syscalls[number], 1, __ATOMIC_RELAXED);
}

static void ended(id_t_ id, void *data)
{
	(void)id, (void)data;
	FILE *f = fopen(out, "w"); /* only now: the program may have closed any file that was open */
	if (!f)
		return;
	for (int i = 0; i < THREADS; i++)
		if (threads[i].count)
			fprintf(f, "thread %d %llu\n", i, (unsigned long long)threads[i].count);
	for (int i = 0; i < SYSCALLS; i++)
		if (syscalls[i])
			fprintf(f, "syscall %d %llu\n", i, (unsigned long long)syscalls[i]);
	for (int i = 0; i < FUNCTIONS; i++)
		if (functions[i].count)
			fprintf(f, "function %s %llu\n", functions[i].name, (unsigned long long)functions[i].count);
	fprintf(f, "end\n");
	fclose(f);
}

__attribute__((visibility("default"))) int qemu_plugin_install(id_t_ id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4)) {
			if (strlen(argv[i] + 4) >= sizeof out)
				return 1;
			strcpy(out, argv[i] + 4);
		} else if (!strcmp(argv[i], "functions=on")) {
			by_function = true;
		} else {
			fprintf(stderr, "plugin: unknown argument %s\n", argv[i]);
			return 1;
		}
	}
	if (!out[0]) {
		fprintf(stderr, "plugin: no out=FILE\n");
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_vcpu_syscall_cb(id, called);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
