import type { BindingTarget, CredentialsProvider, EngineTarget } from '../../src/credentials/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { Redacted } from '../../src/lib/redacted.ts';

/** Writes down what it is asked, and fails where a test wants that. */
export class RecordingProvider implements CredentialsProvider {
  readonly calls: { verb: 'prepare' | 'create' | 'revoke'; target: EngineTarget; bindingName?: string }[] =
    [];
  /** Asked before each call takes effect; what it throws is what the call throws. */
  before: (verb: 'prepare' | 'create' | 'revoke') => void | Promise<void> = () => undefined;
  /** Logins that exist now. */
  readonly logins = new Set<string>();
  readonly #expiries = new Map<string, Date | undefined>();

  async prepare(_spec: unknown, target: EngineTarget): Promise<void> {
    this.calls.push({ verb: 'prepare', target });
    await this.before('prepare');
  }

  async create(
    _spec: unknown,
    target: EngineTarget,
    { bindingName, password, expiresAt }: BindingTarget,
  ): Promise<Redacted<JsonObject>> {
    this.calls.push({ verb: 'create', target, bindingName });
    await this.before('create');
    this.logins.add(bindingName);
    this.#expiries.set(bindingName, expiresAt);
    return new Redacted<JsonObject>({
      ...target.address,
      username: bindingName,
      password: password.reveal(),
    });
  }

  async revoke(_spec: unknown, target: EngineTarget, { bindingName }: BindingTarget): Promise<void> {
    this.calls.push({ verb: 'revoke', target, bindingName });
    await this.before('revoke');
    this.logins.delete(bindingName);
  }

  /** When the login that was made last under this name ends. */
  expiryOf(bindingName: string): Date | undefined {
    return this.#expiries.get(bindingName);
  }

  callsOf(verb: 'prepare' | 'create' | 'revoke') {
    return this.calls.filter((call) => call.verb === verb);
  }
}
