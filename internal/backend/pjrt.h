// The part of OpenXLA's PJRT C API (xla/pjrt/c/pjrt_c_api.h, major version 0) that
// pjrt.go calls besides what the engine calls. The layout of these structs is part of
// that interface: fields are only ever added at the end.
#ifndef EOMT_PJRT_H
#define EOMT_PJRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  size_t size;
  void* extensions;
  void* error;
} pjrtErrorDestroy;

typedef struct {
  size_t size;
  void* extensions;
  const void* error;
  const char* message;
  size_t messageSize;
} pjrtErrorMessage;

typedef struct {
  size_t size;
  void* extensions;
  char* code;
  size_t codeSize;
  const char* format;
  size_t formatSize;
} pjrtProgram;

typedef struct {
  size_t size;
  void* extensions;
  void* client;
  const pjrtProgram* program;
  const char* options;
  size_t optionsSize;
  void* executable;  // out
} pjrtCompile;

typedef struct {
  size_t size;
  void* extensions;
  void* client;
  void** devices;  // out
  size_t count;    // out
} pjrtDevices;

typedef struct {
  size_t size;
  void* extensions;
  void* device;
  int64_t used;
  int64_t peak;
  bool peakSet;
  int64_t allocations;
  bool allocationsSet;
  int64_t largest;
  bool largestSet;
  int64_t limit;
  bool limitSet;
  int64_t reserved;
  bool reservedSet;
  int64_t peakReserved;
  bool peakReservedSet;
  int64_t reservable;
  bool reservableSet;
  int64_t largestFree;
  bool largestFreeSet;
  int64_t pool;
  bool poolSet;
  int64_t peakPool;
  bool peakPoolSet;
} pjrtMemoryStats;

typedef struct {
  size_t size;
  void* extensions;
  void* loaded;
  void* executable;  // out
} pjrtGetExecutable;

typedef struct {
  size_t size;
  void* extensions;
  void* executable;
} pjrtExecutableDestroy;

typedef struct {
  size_t size;
  void* extensions;
  const void* executable;
  const char* bytes;  // out, as long as holder lives
  size_t count;       // out
  void* holder;       // out
  void (*release)(void* holder);
} pjrtSerialize;

typedef struct {
  size_t size;
  void* extensions;
  void* client;
  const char* bytes;
  size_t count;
  void* executable;  // out
  const char* options;
  size_t optionsSize;
} pjrtLoad;

typedef struct {
  size_t size;
  void* extensions;
  struct {
    size_t size;
    void* extensions;
    int major;
    int minor;
  } version;
  void* (*errorDestroy)(pjrtErrorDestroy*);
  void (*errorMessage)(pjrtErrorMessage*);
  void* errorCode;
  void* plugin[2];
  void* event[5];
  void* clientToAddressable[6];
  void* (*addressableDevices)(pjrtDevices*);
  void* lookup[3];
  void* (*compile)(pjrtCompile*);
  void* compileToMemoryStats[13];
  void* (*memoryStats)(pjrtMemoryStats*);
  void* memory[5];
  void* (*executableDestroy)(pjrtExecutableDestroy*);
  void* executable[8];
  void* (*serialize)(pjrtSerialize*);
  void* loadedDestroy;
  void* (*getExecutable)(pjrtGetExecutable*);
  void* loaded[4];
  void* (*load)(pjrtLoad*);
} pjrtTable;

enum { pjrtSlots = 4 };

// pjrtTableOf returns the functions of an open plugin.
const pjrtTable* pjrtTableOf(void* library);
// pjrtIntercept copies them, with pjrtCompileIn of a slot in place of compile.
pjrtTable* pjrtIntercept(const pjrtTable* t, int slot);
void* pjrtCallCompile(const pjrtTable* t, pjrtCompile* a);
// pjrtCallLoad makes an executable of the bytes of one that was serialised.
bool pjrtCallLoad(const pjrtTable* t, pjrtCompile* into, const char* bytes, size_t count);
bool pjrtCallSerialize(const pjrtTable* t, void* loaded, pjrtSerialize* out);
void pjrtRelease(pjrtSerialize* s);
// pjrtDeviceMemory is what the first device of a client may hold; 0 where not known.
int64_t pjrtDeviceMemory(const pjrtTable* t, void* client);

#endif
