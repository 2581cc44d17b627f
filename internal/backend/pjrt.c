//go:build cgo && !noxla && (linux || darwin)

#include "pjrt.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

extern void* pjrtCompileIn(int slot, pjrtCompile* a);  // of pjrt.go

static void* compile0(pjrtCompile* a) { return pjrtCompileIn(0, a); }
static void* compile1(pjrtCompile* a) { return pjrtCompileIn(1, a); }
static void* compile2(pjrtCompile* a) { return pjrtCompileIn(2, a); }
static void* compile3(pjrtCompile* a) { return pjrtCompileIn(3, a); }

static void* (*const compiles[pjrtSlots])(pjrtCompile*) = {compile0, compile1, compile2, compile3};

const pjrtTable* pjrtTableOf(void* library) {
  const pjrtTable* (*get)(void) = (const pjrtTable* (*)(void))dlsym(library, "GetPjrtApi");
  return get == NULL ? NULL : get();
}

pjrtTable* pjrtIntercept(const pjrtTable* t, int slot) {
  pjrtTable* copy = malloc(t->size);
  if (copy != NULL) {
    memcpy(copy, t, t->size);
    copy->compile = compiles[slot];
  }
  return copy;
}

void* pjrtCallCompile(const pjrtTable* t, pjrtCompile* a) { return t->compile(a); }

// drop frees an error and says whether there was one.
static bool drop(const pjrtTable* t, void* error) {
  if (error == NULL) return false;
  pjrtErrorDestroy d = {.size = sizeof d, .error = error};
  t->errorDestroy(&d);
  return true;
}

bool pjrtCallLoad(const pjrtTable* t, pjrtCompile* into, const char* bytes, size_t count) {
  pjrtLoad a = {.size = sizeof a, .client = into->client, .bytes = bytes, .count = count};
  if (drop(t, t->load(&a))) return false;
  into->executable = a.executable;
  return true;
}

bool pjrtCallSerialize(const pjrtTable* t, void* loaded, pjrtSerialize* out) {
  pjrtGetExecutable g = {.size = sizeof g, .loaded = loaded};
  if (drop(t, t->getExecutable(&g))) return false;
  out->size = sizeof *out;
  out->executable = g.executable;
  bool ok = !drop(t, t->serialize(out));
  pjrtExecutableDestroy d = {.size = sizeof d, .executable = g.executable};
  drop(t, t->executableDestroy(&d));
  return ok;
}

void pjrtRelease(pjrtSerialize* s) { s->release(s->holder); }

int64_t pjrtDeviceMemory(const pjrtTable* t, void* client) {
  pjrtDevices d = {.size = sizeof d, .client = client};
  if (drop(t, t->addressableDevices(&d)) || d.count == 0) return 0;
  pjrtMemoryStats m = {.size = sizeof m, .device = d.devices[0]};
  if (drop(t, t->memoryStats(&m)) || !m.limitSet) return 0;
  return m.limit;
}
