import type { BindingTarget, CredentialsProvider, EngineTarget } from '../../src/credentials/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { Redacted } from '../../src/lib/redacted.ts';

type RecordedVerb = 'prepare' | 'create' | 'revoke' | 'list';

/** Writes down what it is asked, and fails where a test wants that. */
export class RecordingProvider implements CredentialsProvider {
  readonly calls: { verb: RecordedVerb; target: EngineTarget; bindingName?: string }[] = [];
  /** Asked before each call takes effect; what it throws is what the call throws. */
  before: (verb: RecordedVerb) => void | Promise<void> = () => undefined;
  /** Logins that exist now, of all instances. */
  readonly logins = new Set<string>();
  readonly #instances = new Map<string, string>();
  readonly #bindings = new Map<string, BindingTarget>();

  async prepare(_spec: unknown, target: EngineTarget): Promise<void> {
    this.calls.push({ verb: 'prepare', target });
    await this.before('prepare');
  }

  async create(_spec: unknown, target: EngineTarget, binding: BindingTarget): Promise<Redacted<JsonObject>> {
    const { bindingName, password } = binding;
    this.calls.push({ verb: 'create', target, bindingName });
    await this.before('create');
    this.plant(target, bindingName);
    this.#bindings.set(bindingName, binding);
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

  async listLogins(_spec: unknown, target: EngineTarget): Promise<string[]> {
    this.calls.push({ verb: 'list', target });
    await this.before('list');
    return [...this.logins].filter((login) => this.#instances.get(login) === target.instanceName);
  }

  loginName(bindingName: string): string {
    return bindingName;
  }

  /** Makes a login that nobody asked for. */
  plant({ instanceName }: Pick<EngineTarget, 'instanceName'>, login: string): void {
    this.logins.add(login);
    this.#instances.set(login, instanceName);
  }

  /** What the login of this name was made last as. */
  bindingOf(bindingName: string): BindingTarget | undefined {
    return this.#bindings.get(bindingName);
  }

  callsOf(verb: RecordedVerb) {
    return this.calls.filter((call) => call.verb === verb);
  }
}
