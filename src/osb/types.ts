import type { Response } from 'express';
import type { ErrorCode } from '../domain/errors.ts';
import type { Redacted } from '../lib/redacted.ts';
import type { Caller } from '../usecases/caller.ts';
import type { UsecaseDeps } from '../usecases/deps.ts';

/** A basic credential and the platform it speaks for. */
export interface BasicCredential extends Caller {
  readonly username: string;
  readonly password: Redacted<string>;
}

/** Something that must work before requests should come; `check` throws when it does not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: () => Promise<unknown>;
}

export interface AppDeps extends UsecaseDeps {
  /** Every credential that is live; several during a rotation. */
  readonly credentials: readonly BasicCredential[];
  /** Beside the store, which is always checked. */
  readonly readinessChecks: readonly ReadinessCheck[];
}

/** What the middlewares leave for the handlers in `response.locals`. */
export interface RequestLocals {
  requestId: string;
  /** The pattern that matched, for logs; set by the routes. */
  route?: string;
  /** Set behind authentication. */
  caller?: Caller;
  /** Set when the answer is an error. */
  errorCode?: ErrorCode;
}

export function localsOf(response: Response): RequestLocals {
  return response.locals as RequestLocals;
}
