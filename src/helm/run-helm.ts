import { execa } from 'execa';
import type { JsonObject } from '../lib/json.ts';
import { confinement } from './confine.ts';
import { explainFailure } from './explain-failure.ts';
import { HelmError } from './types.ts';

export interface HelmLimits {
  /** Absolute path of the helm binary; see findHelm. */
  helmPath: string;
  /** Largest output of one run, in bytes. */
  maxOutputBytes: number;
  /** Largest address space of one helm process, in bytes. */
  maxMemoryBytes: number;
}

export interface HelmRun {
  args: readonly string[];
  /** Given on standard input. */
  input: string;
  /** Texts that what helm says must not repeat. */
  hidden: JsonObject;
  timeoutMs: number;
  /** The one folder that helm may write to; without it, none. */
  folder?: string;
  /** Ends helm. */
  signal?: AbortSignal;
}

/** Folder that does not exist: helm finds no plugins, repositories or registry credentials, and has nowhere to write. */
const nowhere = '/nonexistent';
const largestFileBytes = 64 * 1024 * 1024;

function environment(folder: string | undefined): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: folder ?? nowhere,
    HELM_CONFIG_HOME: nowhere,
    HELM_DATA_HOME: nowhere,
    HELM_CACHE_HOME: folder ?? nowhere,
    HELM_PLUGINS: nowhere,
    KUBECONFIG: `${nowhere}/kubeconfig`,
    ...(folder === undefined ? {} : { KUBECACHEDIR: folder, TMPDIR: folder }),
  };
}

/**
 * Runs helm once, with nothing of this process's environment: it dies with this process (Linux: setpriv), at the time
 * limit, at the memory limit, or when its output grows too large.
 * @returns its standard output
 * @throws HelmError in helm's own words, without the hidden texts; what the signal was aborted with
 */
export async function runHelm(limits: HelmLimits, run: HelmRun): Promise<string> {
  const maxFileBytes = run.folder === undefined ? 0 : largestFileBytes;
  const confined = await confinement({ maxMemoryBytes: limits.maxMemoryBytes, maxFileBytes });
  const [command, ...prefix] = [...confined, limits.helmPath];
  const result = await execa(command as string, [...prefix, ...run.args], {
    input: run.input,
    env: environment(run.folder),
    extendEnv: false,
    cwd: '/',
    reject: false,
    stripFinalNewline: false,
    timeout: run.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: { stdout: limits.maxOutputBytes, stderr: 256 * 1024 },
    ...(run.signal === undefined ? {} : { cancelSignal: run.signal }),
  });
  if (!result.failed) return result.stdout;
  run.signal?.throwIfAborted();
  if (result.timedOut) throw new HelmError(`helm took longer than ${run.timeoutMs / 1000} s and was stopped`);
  if (result.isMaxBuffer) throw new HelmError('helm gave more output than allowed and was stopped');
  const died = result.signal !== undefined;
  const words = died ? undefined : explainFailure(result.stderr, run.hidden);
  throw new HelmError(words ?? `helm failed (${result.code ?? result.signal ?? result.exitCode})`, { died });
}
