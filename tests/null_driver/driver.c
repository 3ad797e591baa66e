/* A CUDA driver that runs nothing.
 *
 * numba-cuda compiles, links, marshals arguments and launches through it as through the real one.
 * Memory is real (host) memory, so that copies copy; kernels change none of it. What a real driver
 * would refuse is refused, and all that matters is written to a journal, a line each:
 *
 *     load KERNEL registers R shared S parameters P code HASH
 *     launch KERNEL grid X Y Z block X Y Z shared S stream H device D pointers N fault F
 *     copy to-host|to-device|on-device|fill BYTES stream H memory pinned|pageable|device
 *     wait-host WHAT H            the host stops until something is done
 *     record EVENT stream H       wait-stream H event EVENT
 *     allocate ADDRESS BYTES device D          free ADDRESS
 *
 * It is for one thread at a time. Only what is used is here: any other call is CUDA_ERROR_NOT_SUPPORTED.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uintptr_t handle;

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_CONTEXT = 201,
    ILLEGAL_ADDRESS = 700,
    NOT_SUPPORTED = 801,
};

/* Limits of an H100. */
enum {
    BLOCK_THREADS = 1024,
    BLOCK_Z = 64,
    GRID_YZ = 65535,
    REGISTERS = 65536,
    SHARED_DEFAULT = 48 << 10,
    SHARED_MOST = 227 << 10,
};

/* --- the journal -------------------------------------------------------------------------------- */

static char *journal;
static size_t journal_used, journal_size;

static void note(const char *format, ...) {
    for (;;) {
        va_list arguments;
        va_start(arguments, format);
        size_t room = journal_size - journal_used;
        size_t n = (size_t)vsnprintf(journal ? journal + journal_used : NULL, room, format, arguments);
        va_end(arguments);
        if (n < room) {
            journal_used += n;
            return;
        }
        journal_size = 2 * journal_size + n + 4096;
        journal = realloc(journal, journal_size);
    }
}

/* For the tests: what has happened since the last call. The text lives until the next event. */
const char *null_driver_journal(void) {
    note("%s", "");
    journal_used = 0;
    return journal;
}

/* --- devices and contexts ----------------------------------------------------------------------- */

static int device_count(void) {
    const char *count = getenv("NULL_DRIVER_DEVICES");
    return count ? atoi(count) : 1;
}

#define CONTEXT_OF(device) ((handle)(0x1000 + (device)))
static __thread handle contexts[256];
static __thread int depth;

static int current_device(void) { return depth ? (int)(contexts[depth - 1] - 0x1000) : 0; }

static int init(unsigned flags) { (void)flags; return SUCCESS; }
static int driver_version(int *version) { *version = 13000; return SUCCESS; }
static int get_count(int *count) { *count = device_count(); return SUCCESS; }
static int get_device(int *device, int ordinal) {
    *device = ordinal;
    return ordinal < device_count() ? SUCCESS : INVALID_VALUE;
}
static int device_name(char *name, int size, int device) {
    snprintf(name, (size_t)size, "null device %d", device);
    return SUCCESS;
}
static int device_uuid(unsigned char *uuid, int device) {
    memset(uuid, device, 16);
    return SUCCESS;
}
static int device_memory(size_t *bytes, int device) {
    (void)device;
    *bytes = (size_t)80 << 30;
    return SUCCESS;
}
static int device_attribute(int *value, int attribute, int device) {
    (void)device;
    switch (attribute) { /* numbers of CUdevice_attribute */
    case 1: case 2: case 3: *value = BLOCK_THREADS; break;
    case 4: *value = BLOCK_Z; break;
    case 5: *value = INT32_MAX; break;
    case 6: case 7: *value = GRID_YZ; break;
    case 8: *value = SHARED_DEFAULT; break;
    case 10: *value = 32; break;
    case 12: *value = REGISTERS; break;
    case 16: *value = 132; break;
    case 75: *value = 9; break; /* compute capability 9.0 */
    case 76: *value = 0; break;
    case 97: *value = SHARED_MOST; break;
    default: *value = 1;
    }
    return SUCCESS;
}
static int retain(handle *context, int device) { *context = CONTEXT_OF(device); return SUCCESS; }
static int context_state(int device, unsigned *flags, int *active) {
    (void)device;
    *flags = 0, *active = 1;
    return SUCCESS;
}
static int push(handle context) { contexts[depth++] = context; return SUCCESS; }
static int pop(handle *context) {
    if (!depth) return INVALID_CONTEXT;
    handle top = contexts[--depth];
    if (context) *context = top;
    return SUCCESS;
}
static int get_current(handle *context) {
    *context = depth ? contexts[depth - 1] : 0;
    return SUCCESS;
}
static int set_current(handle context) {
    if (!depth) depth = 1;
    contexts[depth - 1] = context;
    return SUCCESS;
}
static int context_device(int *device) {
    if (!depth) return INVALID_CONTEXT;
    *device = current_device();
    return SUCCESS;
}
static int context_wait(void) { note("wait-host context 0\n"); return SUCCESS; }

/* --- memory: addresses are never given twice, so that one that was freed is known --------------- */

typedef struct {
    char *begin;
    size_t size;
    int device; /* -1: pinned memory of the host */
    int live;
} block;

static block *blocks;
static int block_count;
static char *next_address = (char *)0x0a0000000000;

static block *block_of(uintptr_t address) {
    for (int i = block_count - 1; i >= 0; i--)
        if (address >= (uintptr_t)blocks[i].begin && address < (uintptr_t)blocks[i].begin + blocks[i].size)
            return &blocks[i];
    return NULL;
}

static int reserve(handle *pointer, size_t size, int device) {
    if (!size) return INVALID_VALUE;
    size_t pages = (size + 4095) / 4096 * 4096;
    void *memory = mmap(next_address, pages, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (memory == MAP_FAILED) return OUT_OF_MEMORY;
    next_address += pages + 4096;
    blocks = realloc(blocks, sizeof(block) * (size_t)(block_count + 1));
    blocks[block_count++] = (block){memory, size, device, 1};
    note("allocate %zx %zu device %d\n", (size_t)memory, size, device);
    *pointer = (handle)memory;
    return SUCCESS;
}
static int release(handle pointer) {
    block *found = block_of(pointer);
    if (!found || !found->live || (handle)found->begin != pointer) return INVALID_VALUE;
    note("free %zx\n", (size_t)pointer);
    found->live = 0;
    munmap(found->begin, found->size);
    return SUCCESS;
}
static int allocate(handle *pointer, size_t size) { return reserve(pointer, size, current_device()); }
static int allocate_host(handle *pointer, size_t size, unsigned flags) {
    (void)flags;
    return reserve(pointer, size, -1);
}
static int memory_info(size_t *unused, size_t *total) {
    *unused = (size_t)70 << 30, *total = (size_t)80 << 30;
    return SUCCESS;
}
static int pointer_attribute(void *value, int attribute, handle pointer) {
    block *found = block_of(pointer);
    if (!found || !found->live || found->device < 0) return INVALID_VALUE;
    if (attribute != 9) return NOT_SUPPORTED; /* the ordinal of the device */
    *(int *)value = found->device;
    return SUCCESS;
}

static int copy(const char *way, void *to, const void *from, const void *host, size_t size, handle stream) {
    block *pinned = host ? block_of((uintptr_t)host) : NULL;
    const char *memory = !host ? "device" : pinned && pinned->device < 0 ? "pinned" : "pageable";
    note("copy %s %zu stream %zx memory %s\n", way, size, (size_t)stream, memory);
    memcpy(to, from, size);
    return SUCCESS;
}
static int to_device(void *to, const void *from, size_t n) { return copy("to-device", to, from, from, n, 0); }
static int to_host(void *to, const void *from, size_t n) { return copy("to-host", to, from, to, n, 0); }
static int on_device(void *to, const void *from, size_t n) { return copy("on-device", to, from, NULL, n, 0); }
static int to_device_async(void *to, const void *from, size_t n, handle s) {
    return copy("to-device", to, from, from, n, s);
}
static int to_host_async(void *to, const void *from, size_t n, handle s) {
    return copy("to-host", to, from, to, n, s);
}
static int on_device_async(void *to, const void *from, size_t n, handle s) {
    return copy("on-device", to, from, NULL, n, s);
}

static int fill(handle pointer, unsigned char value, size_t n, handle stream) {
    block *found = block_of(pointer);
    if (!found || !found->live || pointer + n > (handle)found->begin + found->size) return INVALID_VALUE;
    note("copy fill %zu stream %zx memory device\n", n, (size_t)stream);
    memset((void *)pointer, value, n);
    return SUCCESS;
}

/* --- streams and events ------------------------------------------------------------------------- */

static handle next_handle = 0x5000;
static int create(handle *made, unsigned flags) { (void)flags; *made = next_handle += 16; return SUCCESS; }
static int create_with_priority(handle *made, unsigned flags, int priority) {
    (void)priority;
    return create(made, flags);
}
static int stream_wait_host(handle stream) { note("wait-host stream %zx\n", (size_t)stream); return SUCCESS; }
static int event_wait_host(handle event) { note("wait-host event %zx\n", (size_t)event); return SUCCESS; }
static int record(handle event, handle stream) {
    note("record %zx stream %zx\n", (size_t)event, (size_t)stream);
    return SUCCESS;
}
static int stream_wait(handle stream, handle event, unsigned flags) {
    (void)flags;
    note("wait-stream %zx event %zx\n", (size_t)stream, (size_t)event);
    return SUCCESS;
}

/* --- compiled code: what its headers say of a kernel -------------------------------------------- */

enum { MOST_PARAMETERS = 512 };

typedef struct {
    char name[1024];
    int registers, shared, dynamic_limit;
    int parameters;
    unsigned char sizes[MOST_PARAMETERS];
} kernel;

static kernel *kernels[65536];
static int kernel_count;

enum { ATTRIBUTE_PARAMETER = 0x17, ATTRIBUTE_REGISTERS = 0x2f };

/* Sections of attributes are entries of a format, a number, and a value or its length and bytes. */
static void read_attributes(kernel *k, const unsigned char *at, const unsigned char *end) {
    while (at + 4 <= end) {
        uint16_t length;
        uint32_t word;
        memcpy(&length, at + 2, 2);
        if (at[0] != 4) { /* a value in place */
            at += 4;
            continue;
        }
        if (at[1] == ATTRIBUTE_REGISTERS) {
            memcpy(&word, at + 8, 4);
            k->registers = (int)word > k->registers ? (int)word : k->registers;
        }
        if (at[1] == ATTRIBUTE_PARAMETER) {
            uint16_t ordinal;
            memcpy(&ordinal, at + 8, 2);
            memcpy(&word, at + 12, 4);
            if (ordinal < MOST_PARAMETERS) k->sizes[ordinal] = (unsigned char)(word >> 18);
            k->parameters++;
        }
        at += 4 + length;
    }
}

static int load(handle *library, const void *code, ...) {
    const unsigned char *image = code;
    if (memcmp(image, ELFMAG, SELFMAG)) return NOT_SUPPORTED; /* machine code, and not PTX */
    const Elf64_Ehdr *header = code;
    const Elf64_Shdr *sections = (const void *)(image + header->e_shoff);
    const char *names = (const char *)image + sections[header->e_shstrndx].sh_offset;
    kernel *k = calloc(1, sizeof(kernel));
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (int i = 0; i < header->e_shnum; i++) {
        const char *name = names + sections[i].sh_name;
        const unsigned char *begin = image + sections[i].sh_offset, *end = begin + sections[i].sh_size;
        if (!strncmp(name, ".nv.info", 8)) read_attributes(k, begin, end);
        if (!strncmp(name, ".nv.shared._Z", 13)) k->shared = (int)sections[i].sh_size;
        if (!strncmp(name, ".text.", 6)) {
            snprintf(k->name, sizeof k->name, "%s", name + 6);
            for (; begin < end; begin++) hash = (hash ^ *begin) * 0x100000001b3u;
        }
    }
    k->dynamic_limit = SHARED_DEFAULT - k->shared;
    kernels[kernel_count++] = k;
    note("load %s registers %d shared %d parameters %d code %016zx\n", k->name, k->registers, k->shared,
         k->parameters, (size_t)hash);
    *library = (handle)k;
    return SUCCESS;
}
static int library_kernel(handle *found, handle library, const char *name) {
    (void)name;
    *found = library;
    return SUCCESS;
}
static int function_of(handle *function, handle k) { *function = k; return SUCCESS; }
static int function_attribute(int *value, int attribute, handle f) {
    const kernel *k = (const kernel *)f;
    switch (attribute) { /* numbers of CUfunction_attribute */
    case 0: *value = BLOCK_THREADS; break;
    case 1: *value = k->shared; break;
    case 4: *value = k->registers; break;
    case 8: *value = k->dynamic_limit; break;
    default: *value = 0;
    }
    return SUCCESS;
}
static int kernel_attribute(int *value, int attribute, handle k, int device) {
    (void)device;
    return function_attribute(value, attribute, k);
}
static int set_function_attribute(handle f, int attribute, int value) {
    kernel *k = (kernel *)f;
    if (attribute == 8 && value + k->shared > SHARED_MOST) return INVALID_VALUE;
    if (attribute == 8) k->dynamic_limit = value;
    return SUCCESS;
}
static int set_kernel_attribute(int attribute, int value, handle k, int device) {
    (void)device;
    return set_function_attribute(k, attribute, value);
}

/* --- launches ----------------------------------------------------------------------------------- */

typedef struct {
    unsigned grid[3], block[3], shared;
    handle stream;
    void *attributes;
    unsigned attribute_count;
} configuration;

static const char *fault_of(const configuration *c, const kernel *k) {
    for (int i = 0; i < 3; i++)
        if (!c->grid[i] || !c->block[i]) return "empty";
    if (c->grid[0] > INT32_MAX || c->grid[1] > GRID_YZ || c->grid[2] > GRID_YZ) return "grid";
    unsigned threads = c->block[0] * c->block[1] * c->block[2];
    if (threads > BLOCK_THREADS || c->block[2] > BLOCK_Z) return "block";
    if ((int)c->shared > k->dynamic_limit) return "shared-memory";
    return NULL;
}

/* Of the parameters, count what are addresses; find one that no kernel on this device may use. */
static const char *fault_of_addresses(const kernel *k, void **parameters, int *pointers) {
    for (int i = 0; i < k->parameters && i < MOST_PARAMETERS; i++) {
        uintptr_t value;
        if (k->sizes[i] != sizeof value) continue;
        memcpy(&value, parameters[i], sizeof value);
        if (value < 0x0a0000000000 || value >= (uintptr_t)next_address) continue;
        block *found = block_of(value);
        if (!found || !found->live) return "freed-memory";
        if (found->device != current_device()) return "memory-of-another-device";
        ++*pointers;
    }
    return NULL;
}

static int launch_with(const configuration *c, handle function, void **parameters, void **extra) {
    (void)extra;
    const kernel *k = (const kernel *)function;
    int pointers = 0;
    const char *fault = fault_of(c, k);
    const char *stray = fault_of_addresses(k, parameters, &pointers);
    note("launch %s grid %u %u %u block %u %u %u shared %u stream %zx device %d pointers %d fault %s\n", k->name,
         c->grid[0], c->grid[1], c->grid[2], c->block[0], c->block[1], c->block[2], c->shared,
         (size_t)c->stream, current_device(), pointers, fault ? fault : stray ? stray : "none");
    if (fault) return INVALID_VALUE;
    return stray ? ILLEGAL_ADDRESS : SUCCESS;
}
static int launch(handle f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                  unsigned shared, handle stream, void **parameters, void **extra) {
    configuration c = {{gx, gy, gz}, {bx, by, bz}, shared, stream, NULL, 0};
    return launch_with(&c, f, parameters, extra);
}

/* --- the table ---------------------------------------------------------------------------------- */

static int nothing(void) { return SUCCESS; }
static int not_supported(void) { return NOT_SUPPORTED; }
static int error_name(int error, const char **name) {
    *name = error == ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR";
    return SUCCESS;
}
static int error_text(int error, const char **text) {
    (void)error;
    *text = "an error of the driver that runs nothing";
    return SUCCESS;
}

static const struct {
    const char *name;
    void *function;
} table[] = {
    {"cuInit", init},
    {"cuDriverGetVersion", driver_version},
    {"cuDeviceGetCount", get_count},
    {"cuDeviceGet", get_device},
    {"cuDeviceGetName", device_name},
    {"cuDeviceGetUuid", device_uuid},
    {"cuDeviceTotalMem", device_memory},
    {"cuDeviceGetAttribute", device_attribute},
    {"cuDevicePrimaryCtxRetain", retain},
    {"cuDevicePrimaryCtxRelease", nothing},
    {"cuDevicePrimaryCtxGetState", context_state},
    {"cuCtxPushCurrent", push},
    {"cuCtxPopCurrent", pop},
    {"cuCtxGetCurrent", get_current},
    {"cuCtxSetCurrent", set_current},
    {"cuCtxGetDevice", context_device},
    {"cuCtxSynchronize", context_wait},
    {"cuMemAlloc", allocate},
    {"cuMemFree", release},
    {"cuMemHostAlloc", allocate_host},
    {"cuMemFreeHost", release},
    {"cuMemGetInfo", memory_info},
    {"cuPointerGetAttribute", pointer_attribute},
    {"cuMemcpyHtoD", to_device},
    {"cuMemcpyDtoH", to_host},
    {"cuMemcpyDtoD", on_device},
    {"cuMemcpyHtoDAsync", to_device_async},
    {"cuMemcpyDtoHAsync", to_host_async},
    {"cuMemcpyDtoDAsync", on_device_async},
    {"cuMemsetD8Async", fill},
    {"cuStreamCreate", create},
    {"cuStreamCreateWithPriority", create_with_priority},
    {"cuStreamDestroy", nothing},
    {"cuStreamSynchronize", stream_wait_host},
    {"cuStreamWaitEvent", stream_wait},
    {"cuEventCreate", create},
    {"cuEventDestroy", nothing},
    {"cuEventRecord", record},
    {"cuEventSynchronize", event_wait_host},
    {"cuLibraryLoadData", load},
    {"cuLibraryUnload", nothing},
    {"cuLibraryGetKernel", library_kernel},
    {"cuKernelGetFunction", function_of},
    {"cuKernelGetAttribute", kernel_attribute},
    {"cuKernelSetAttribute", set_kernel_attribute},
    {"cuFuncGetAttribute", function_attribute},
    {"cuFuncSetAttribute", set_function_attribute},
    {"cuLaunchKernel", launch},
    {"cuLaunchKernelEx", launch_with},
    {"cuGetErrorName", error_name},
    {"cuGetErrorString", error_text},
};

/* Everything else is found through this one. */
int cuGetProcAddress_v2(const char *symbol, void **pointer, int version, uint64_t flags, int *status) {
    if (status) *status = 0;
    *pointer = not_supported;
    if (!strcmp(symbol, "cuGetProcAddress")) *pointer = cuGetProcAddress_v2;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, symbol)) *pointer = table[i].function;
    (void)version, (void)flags;
    return SUCCESS;
}
int cuGetProcAddress(const char *symbol, void **pointer, int version, uint64_t flags) {
    return cuGetProcAddress_v2(symbol, pointer, version, flags, NULL);
}
int cuInit(unsigned flags) { return init(flags); }
int cuDriverGetVersion(int *version) { return driver_version(version); }
