import { readFileSync } from "node:fs";

const SIGTERM = 15n;

/**
 * A part of the addon, in C++: once it is loaded, no signal handler runs on a thread that computes.
 *
 * While a product of oneDNN runs, the stack pointer may point into a workspace on the heap: see
 * `mov(rsp, ARG_WS)` in its `jit_avx_gemm_f32.cpp` and `jit_avx512_common_gemm_f32.cpp`, up to
 * version 3.9. The frame of a handler that starts meanwhile is written over what lies before that
 * workspace, and the process dies sooner or later of a corrupted heap.
 *
 * So one thread that computes nothing takes the signals of the process, and the thread that loads
 * the addon blocks them, as do those that TensorFlow starts from it. V8's profiler sends SIGPROF to
 * the main thread; its handler asks for an alternate stack, and gets one. Children are not
 * affected: libuv clears the mask before it starts a program.
 */
export const SIGNAL_SHIELD = `
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

namespace {

// Those a thread causes itself, the profiler's, and those that stop a job which uses the terminal.
const int kNotBlocked[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
                           SIGPROF, SIGTTIN, SIGTTOU};

alignas(16) unsigned char alternate_stack[1 << 16];

void* TakeSignals(void*) {
  for (;;) pause();
}

__attribute__((constructor)) void RaiseShield() {
  pthread_t taker;
  if (pthread_create(&taker, nullptr, TakeSignals, nullptr) != 0) {
    fputs("no thread could be started to take signals\\n", stderr);
    abort();
  }
  pthread_detach(taker);

  sigset_t blocked;
  sigfillset(&blocked);
  for (int signal : kNotBlocked) sigdelset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);

  stack_t stack = {};
  stack.ss_sp = alternate_stack;
  stack.ss_size = sizeof alternate_stack;
  sigaltstack(&stack, nullptr);
}

}  // namespace
`;

/** Whether the main thread blocks signals, as it does once it has loaded a shielded addon. */
export function isShielded(): boolean {
  const status = readFileSync("/proc/self/status", "utf8");
  const blocked = /^SigBlk:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${blocked}`) >> (SIGTERM - 1n)) & 1n) === 1n;
}
