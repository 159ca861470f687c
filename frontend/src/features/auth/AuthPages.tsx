import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import {
  confirmSignUp,
  forgotPassword,
  resendCode,
  resetPassword,
  SignInError,
  signIn,
  signUp,
} from "../../api/cognito";
import { Category, Profile } from "../../api/limits.gen";
import { editMe, meQuery } from "../../api/queries";
import { ownPath, withNext } from "../../lib/ids";
import { recall, remember } from "../../lib/storage";
import { t } from "../../lib/text";
import { check } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Input } from "../../ui/Field";
import { announce, Failure, Loading, Note } from "../../ui/feedback";
import { useCountdown, useErrors } from "../../ui/hooks";
import { Seal } from "../../ui/icons";
import { PageTitle } from "../../ui/PageTitle";
import "./auth.css";

/** The user pool's rule (infra/components/identity.py); Cognito itself refuses what is shorter. */
const PASSWORD_MIN = 12;
const CODE_LENGTH = 6;
/** Seconds before a code can be asked for again. */
const RESEND_AFTER = 30;

/** Who is on the way in, and to which code; never the password. */
interface Underway {
  email: string;
  awaits?: "confirm" | "reset";
}

/** Survives a reload and a look into the mail, for as long as the tab is open. */
function useUnderway() {
  const [underway, set] = useState<Underway>(() => recall("underway", "sessionStorage") ?? { email: "" });
  const keep = (next: Underway) => {
    remember("underway", next, "sessionStorage");
    set(next);
  };
  return { underway, keep };
}

const isCode = (error: unknown, code: string): boolean => error instanceof SignInError && error.code === code;

/** What Cognito refused, in words; other errors are shown by `Failure`. */
function Refusal({ error, children }: { error: unknown; children?: ComponentChildren }) {
  if (!(error instanceof SignInError)) return <Failure error={error} />;
  return (
    <div role="alert">
      <Note look="bad">
        {t.auth.codes[error.code] ?? t.auth.failed} {children}
      </Note>
    </div>
  );
}

function Frame({ title, onSubmit, children }: { title: string; onSubmit: () => void; children: ComponentChildren }) {
  return (
    <form
      class="auth panel stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <PageTitle title={title} />
      {children}
    </form>
  );
}

function Email({
  value,
  error,
  onValue,
}: {
  value: string;
  error?: string | undefined;
  onValue: (value: string) => void;
}) {
  return (
    <Input label={t.auth.email} type="email" autocomplete="username" value={value} error={error} onValue={onValue} />
  );
}

interface PasswordProps {
  value: string;
  fresh?: boolean;
  error?: string | undefined;
  onValue: (value: string) => void;
}

function Password({ value, fresh = false, error, onValue }: PasswordProps) {
  const [shown, setShown] = useState(false);
  return (
    <div class="stack tight">
      <Input
        label={fresh ? t.auth.newPassword : t.auth.password}
        type={shown ? "text" : "password"}
        autocomplete={fresh ? "new-password" : "current-password"}
        hint={fresh ? t.auth.passwordHint(PASSWORD_MIN) : undefined}
        value={value}
        error={error}
        onValue={onValue}
      />
      <label class="check small">
        <input type="checkbox" checked={shown} onChange={() => setShown(!shown)} /> {t.auth.show}
      </label>
    </div>
  );
}

const emailError = (email: string): string | undefined => (/^\S+@\S+\.\S+$/.test(email) ? undefined : t.form.email);
const passwordError = (password: string): string | undefined =>
  password.length < PASSWORD_MIN ? t.form.tooShort(PASSWORD_MIN) : undefined;

const codeError = (code: string): string | undefined =>
  code.length < CODE_LENGTH ? t.form.code(CODE_LENGTH) : undefined;

interface CodeProps {
  email: string;
  resend: (email: string) => Promise<unknown>;
  /** Back to where the e-mail was given. */
  onOther: () => void;
  value: string;
  error?: string | undefined;
  onValue: (code: string) => void;
}

/** Six digits, pasted or typed, and a way to have them sent again. */
function Code({ email, resend, onOther, value, error, onValue }: CodeProps) {
  const { seconds, start } = useCountdown();
  useEffect(() => start(RESEND_AFTER), []);
  const again = useMutation({
    mutationFn: () => resend(email),
    onSuccess: () => {
      start(RESEND_AFTER);
      announce(t.auth.resent);
    },
  });
  return (
    <>
      <p>{t.auth.codeSent(email)}</p>
      <Input
        code
        label={t.auth.code}
        inputMode="numeric"
        autocomplete="one-time-code"
        value={value}
        error={error}
        onValue={(typed) => onValue(typed.replace(/\D/g, "").slice(0, CODE_LENGTH))}
      />
      <Refusal error={again.error} />
      <div class="row">
        <Button
          look="plain"
          busy={again.isPending}
          denied={seconds > 0 ? t.auth.resendIn(seconds) : undefined}
          onClick={() => again.mutate()}
        >
          {t.auth.resend}
        </Button>
        <Button look="plain" onClick={onOther}>
          {t.auth.otherEmail}
        </Button>
      </div>
    </>
  );
}

interface Credentials {
  email: string;
  password: string;
}

/**
 * The code screen after a sign-up; the right code signs the member in and leads to the welcome. After a reload the password
 * is not known any more: then they sign in themselves.
 */
function ConfirmStep({ email, password, next, onOther }: Credentials & { next: string; onOther: () => void }) {
  const { route } = useLocation();
  const { keep } = useUnderway();
  const [code, setCode] = useState("");
  const { errors, setErrors, touched } = useErrors<{ code: string }>();
  const welcome = withNext("/welcome", next);
  const confirm = useMutation({
    mutationFn: async () => {
      await confirmSignUp(email, code);
      // The code is spent, whatever comes of the sign-in: it must not be asked for again.
      return (
        !!password &&
        signIn(email, password).then(
          () => true,
          () => false,
        )
      );
    },
    onSuccess: (signedIn) => {
      keep({ email: signedIn ? "" : email });
      if (!signedIn) announce(t.auth.confirmed);
      route(signedIn ? welcome : withNext("/sign-in", welcome), true);
    },
  });
  const send = () => {
    if (code.length === CODE_LENGTH && !confirm.isPending) confirm.mutate();
  };
  useEffect(send, [code]);
  const submit = () => {
    const found = codeError(code);
    setErrors(found ? { code: found } : {});
    send();
  };
  return (
    <Frame title={t.auth.codeTitle} onSubmit={submit}>
      <Code
        email={email}
        resend={resendCode}
        onOther={onOther}
        value={code}
        error={errors.code}
        onValue={(typed) => {
          setCode(typed);
          touched({ code: typed });
        }}
      />
      <Refusal error={confirm.error} />
      <Button type="submit" busy={confirm.isPending}>
        {t.auth.confirm}
      </Button>
    </Frame>
  );
}

/** What is typed to get in; the e-mail is that of the step that is under way. */
function useCredentials() {
  const { underway, keep } = useUnderway();
  const [values, setValues] = useState<Credentials>({ email: underway.email, password: "" });
  const { errors, setErrors, touched } = useErrors<Credentials>();
  const change = (patch: Partial<Credentials>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  return { underway, keep, values, change, errors, setErrors };
}

export function SignInPage() {
  const { query, route } = useLocation();
  const next = ownPath(query.next);
  const client = useQueryClient();
  const { keep, values, change, errors, setErrors } = useCredentials();
  const enter = useMutation({
    mutationFn: () => signIn(values.email.trim(), values.password),
    onSuccess: () => {
      keep({ email: "" });
      client.removeQueries({ queryKey: ["me"] });
      route(next, true);
    },
  });
  if (isCode(enter.error, "UserNotConfirmedException")) {
    return <ConfirmStep {...values} email={values.email.trim()} next={next} onOther={() => enter.reset()} />;
  }
  const submit = () => {
    const email = emailError(values.email.trim());
    setErrors({ ...(email && { email }), ...(!values.password && { password: t.form.required }) });
    if (!email && values.password && !enter.isPending) enter.mutate();
  };
  return (
    <Frame title={t.auth.signInTitle} onSubmit={submit}>
      {next !== "/" && <p class="soft">{t.auth.intent}</p>}
      <Email value={values.email} error={errors.email} onValue={(email) => change({ email })} />
      <Password value={values.password} error={errors.password} onValue={(password) => change({ password })} />
      <Refusal error={enter.error} />
      <Button type="submit" busy={enter.isPending}>
        {t.auth.signIn}
      </Button>
      <div class="row apart">
        <a href={withNext("/forgot", next)}>{t.auth.forgot}</a>
        <a href={withNext("/sign-up", next)}>{t.auth.toSignUp}</a>
      </div>
    </Frame>
  );
}

export function SignUpPage() {
  const { query } = useLocation();
  const next = ownPath(query.next);
  const { underway, keep, values, change, errors, setErrors } = useCredentials();
  const join = useMutation({
    mutationFn: () => signUp(values.email.trim(), values.password),
    onSuccess: () => keep({ email: values.email.trim(), awaits: "confirm" }),
    // The sign-in, which is the way on then, has the e-mail filled in.
    onError: () => keep({ email: values.email.trim() }),
  });
  if (underway.awaits === "confirm") {
    const { email } = underway;
    return <ConfirmStep email={email} password={values.password} next={next} onOther={() => keep({ email })} />;
  }
  const submit = () => {
    const email = emailError(values.email.trim());
    const password = passwordError(values.password);
    setErrors({ ...(email && { email }), ...(password && { password }) });
    if (!email && !password && !join.isPending) join.mutate();
  };
  return (
    <Frame title={t.auth.signUpTitle} onSubmit={submit}>
      <Email value={values.email} error={errors.email} onValue={(email) => change({ email })} />
      <Password fresh value={values.password} error={errors.password} onValue={(password) => change({ password })} />
      <Refusal error={join.error}>
        {isCode(join.error, "UsernameExistsException") && (
          <a href={withNext("/sign-in", next)}>{t.auth.signInInstead}</a>
        )}
      </Refusal>
      <Button type="submit" busy={join.isPending}>
        {t.auth.signUp}
      </Button>
      <a href={withNext("/sign-in", next)}>{t.auth.toSignIn}</a>
    </Frame>
  );
}

export function ForgotPage() {
  const { query, route } = useLocation();
  const next = ownPath(query.next);
  const { underway, keep } = useUnderway();
  const [values, setValues] = useState({ email: underway.email, code: "", password: "" });
  const { errors, setErrors, touched } = useErrors<typeof values>();
  const change = (patch: Partial<typeof values>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  const { code, password } = values;
  const email = values.email.trim();
  const send = useMutation({
    mutationFn: () => forgotPassword(email),
    onSuccess: () => keep({ email, awaits: "reset" }),
  });
  const reset = useMutation({
    mutationFn: () => resetPassword(email, code, password),
    onSuccess: () => {
      keep({ email });
      announce(t.auth.resetDone);
      route(withNext("/sign-in", next), true);
    },
  });
  if (underway.awaits !== "reset") {
    const submit = () => {
      const found = emailError(email);
      setErrors(found ? { email: found } : {});
      if (!found && !send.isPending) send.mutate();
    };
    return (
      <Frame title={t.auth.forgotTitle} onSubmit={submit}>
        <Email value={values.email} error={errors.email} onValue={(typed) => change({ email: typed })} />
        <Refusal error={send.error} />
        <Button type="submit" busy={send.isPending}>
          {t.auth.sendCode}
        </Button>
        <a href={withNext("/sign-in", next)}>{t.auth.toSignIn}</a>
      </Frame>
    );
  }
  const submit = () => {
    const found = { code: codeError(code), password: passwordError(password) };
    setErrors({ ...(found.code && { code: found.code }), ...(found.password && { password: found.password }) });
    if (!found.code && !found.password && !reset.isPending) reset.mutate();
  };
  return (
    <Frame title={t.auth.resetTitle} onSubmit={submit} key="reset">
      <Code
        email={email}
        resend={forgotPassword}
        onOther={() => keep({ email })}
        value={code}
        error={errors.code}
        onValue={(typed) => change({ code: typed })}
      />
      <Password fresh value={password} error={errors.password} onValue={(typed) => change({ password: typed })} />
      <Refusal error={reset.error} />
      <Button type="submit" busy={reset.isPending}>
        {t.auth.reset}
      </Button>
    </Frame>
  );
}

export function WelcomePage() {
  const { query, route } = useLocation();
  const next = ownPath(query.next);
  const client = useQueryClient();
  const me = useQuery(meQuery());
  // Whoever has changed anything is not new: has just said their name, or has gone back here.
  const settled = me.data && me.data.updatedAt !== me.data.createdAt;
  useEffect(() => {
    if (settled) route(next, true);
  }, [settled]);
  const [displayName, setName] = useState("");
  const [interests, setInterests] = useState<string[]>([]);
  const { errors, setErrors, touched } = useErrors<{ displayName: string }>();
  const save = useMutation({
    mutationFn: () => editMe({ displayName: displayName.trim(), interests }),
    onSuccess: (saved) => client.setQueryData(meQuery().queryKey, saved),
  });
  const submit = () => {
    const found = check({ displayName }, Profile);
    setErrors(found);
    if (!found.displayName && !save.isPending) save.mutate();
  };
  const toggle = (name: string) =>
    setInterests(interests.includes(name) ? interests.filter((other) => other !== name) : [...interests, name]);
  if (me.isPending || settled) return <Loading lines={1} />;
  return (
    <Frame title={t.auth.welcomeTitle} onSubmit={submit}>
      <div class="gift">
        <Seal requestor performer />
        <div>
          <p class="display">{t.auth.welcomePoints}</p>
          <p class="small">{t.auth.welcomeText}</p>
        </div>
      </div>
      <Input
        label={t.auth.welcomeName}
        hint={t.settings.nameHint}
        autocomplete="nickname"
        value={displayName}
        error={errors.displayName}
        onValue={(typed) => {
          setName(typed);
          touched({ displayName: typed });
        }}
      />
      <fieldset class="field">
        <legend class="legend">
          {t.auth.welcomeInterests} <span class="small soft">({t.common.optional})</span>
        </legend>
        <div class="choices">
          {Category.filter((category) => category !== "other").map((category) => (
            <label class="choice" key={category}>
              <input type="checkbox" checked={interests.includes(category)} onChange={() => toggle(category)} />
              <span>{t.category[category]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Failure error={save.error} />
      <Button type="submit" busy={save.isPending}>
        {t.auth.welcomeDone}
      </Button>
    </Frame>
  );
}
