import { describe, expect, it } from 'vitest';
import { readFailpoints } from './read-failpoints.ts';

function read(text: string | undefined) {
  const problems: string[] = [];
  return { failpoints: readFailpoints(text, (problem) => problems.push(problem)), problems };
}

describe('CHANDLER_FAILPOINT', () => {
  it('names steps and what becomes of the process there', () => {
    expect(read(undefined).failpoints).toEqual([]);
    expect(read('provision.after.apply-statefulset:kill, bind.before.accept:pause').failpoints).toEqual([
      { step: { verb: 'provision', when: 'after', name: 'apply-statefulset' }, mode: 'kill' },
      { step: { verb: 'bind', when: 'before', name: 'accept' }, mode: 'pause' },
    ]);
  });

  it.each([
    'provision.after.apply-statefulset',
    'provision.after.apply-statefulset:explode',
    'provision.during.finish:kill',
    'unbind.after.create-login:kill',
    'provision.after.apply-:kill',
    'rotate.after.finish:kill',
    'constructor.after.finish:kill',
    'bind.after.finish:kill,',
    'bind.after.finish:kill:kill',
  ])('refuses %s with a list of what there is', (text) => {
    const { failpoints, problems } = read(text);
    expect(failpoints).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^CHANDLER_FAILPOINT must .*error\|kill\|pause/);
    expect(problems[0]).toContain('  unbind: accept, revoke-login, delete-<kind>, release, finish');
  });
});
