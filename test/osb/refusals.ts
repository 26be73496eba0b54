/** Every verb that we deliver, on things that exist, and what a refusal must look like. */
import { expect } from 'vitest';
import {
  boundBinding,
  deleteBinding,
  deleteInstance,
  newId,
  pollBinding,
  pollInstance,
  putBinding,
  putInstance,
  readyInstance,
} from './requests.ts';
import { type Answer, type Sent, startTestBroker, type TestBroker } from './test-broker.ts';

/** A broker with one instance and one binding; the fields are set once `start` resolved. */
export class RefusingBroker {
  broker!: TestBroker;
  instance = '';
  binding = '';

  async start(): Promise<void> {
    this.broker = await startTestBroker();
    this.instance = await readyInstance(this.broker);
    this.binding = await boundBinding(this.broker, this.instance);
  }

  /** Good requests by the name of their verb. */
  readonly verbs: [string, () => Sent][] = [
    ['catalog', () => ({ path: '/v2/catalog' })],
    ['provision', () => putInstance(newId())],
    ['fetch instance', () => ({ path: `/v2/service_instances/${this.instance}` })],
    ['instance last_operation', () => pollInstance(this.instance)],
    ['deprovision', () => deleteInstance(this.instance)],
    ['bind', () => putBinding(this.instance, newId())],
    [
      'fetch binding',
      () => ({ path: `/v2/service_instances/${this.instance}/service_bindings/${this.binding}` }),
    ],
    ['binding last_operation', () => pollBinding(this.instance, this.binding)],
    ['unbind', () => deleteBinding(this.instance, this.binding)],
  ];

  verbsNamed(...names: string[]): [string, () => Sent][] {
    return this.verbs.filter(([name]) => names.includes(name));
  }

  /** Sends a request that must be refused: status, word and sentence as said, and not one row changed. */
  async expectRefused(sent: Sent, status: number, error: string, description: RegExp): Promise<Answer> {
    const before = await this.broker.rows();
    const answer = await this.broker.send(sent);
    expect({ status: answer.status, ...answer.json }).toEqual({
      status,
      error,
      description: expect.stringMatching(description),
    });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.text).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
    expect(await this.broker.rows()).toBe(before);
    return answer;
  }
}
