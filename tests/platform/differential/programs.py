# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Programs in steps, to compare the embedded engine with Pulumi's own.

`PROGRAMS`: by name, a list of steps. A step is `prog(f)`, where `f(prefix)` declares resources whose physical names
begin with the prefix; `do(f)`, where `f(prefix, client)` changes AWS behind the engine's back; or a destruction.
`refresh` looks at AWS first; `kill` kills the engine after an operation on a thing ("create=/{prefix}/b"). Names of
programs: `dbr` is delete-before-replace, `roc` replaceOnChanges.
"""

import json

import pulumi
import pulumi_aws as aws
from pulumi import Alias, ResourceOptions

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
)
PROGRAMS = {}


def prog(f, **k):
    return {"program": f, **k}


def do(f):
    return {"by_hand": f}


def par(n, name, value="v", opts=None, **k):
    return aws.ssm.Parameter(n, name=name, type="String", value=value, opts=opts, **k)


def que(n, name, opts=None, **k):
    return aws.sqs.Queue(n, name=name, opts=opts, **k)


def tab(n, name, key="a", opts=None, **k):
    return aws.dynamodb.Table(
        n,
        name=name,
        billing_mode="PAY_PER_REQUEST",
        hash_key=key,
        attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S")],
        opts=opts,
        **k,
    )


def nothing(prefix):
    pass


class Comp(pulumi.ComponentResource):
    def __init__(self, name, kids, opts=None, t="my:c:Comp"):
        super().__init__(t, name, None, opts)
        self.kids = kids(self, name)
        self.register_outputs({})


# --- basics
def basic(r, with_b=True):
    def f(prefix):
        a = que("a", f"{prefix}-a", message_retention_seconds=r)
        pulumi.export("url", a.url)
        if with_b:
            par("b", f"/{prefix}/b", "x")

    return f


PROGRAMS["basic"] = [prog(basic(60)), prog(basic(60)), prog(basic(120)), prog(basic(120, False)), {"destroy": True}]


def rep_dep(n):
    def f(prefix):
        a = que("a", f"{prefix}-{n}")
        par("b", f"/{prefix}/b", a.url)
        par("c", f"/{prefix}/c", "static")
        pulumi.export("u", a.url)

    return f


PROGRAMS["replace_dependent"] = [prog(rep_dep("one")), prog(rep_dep("two"))]


def autorep(path):
    def f(prefix):
        r = aws.iam.Role(f"{prefix}-auto", path=path, assume_role_policy=TRUST)
        pulumi.export("arn", r.arn)
        par("b", f"/{prefix}/b", r.name)

    return f


PROGRAMS["replace_autonamed"] = [prog(autorep("/")), prog(autorep("/x/"))]


def dbr_role(path):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-r", path=path, assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL)
        aws.iam.RolePolicyAttachment(
            "att", role=r.name, policy_arn=aws.iam.Policy("pol", name=f"{prefix}-pol", policy=POL).arn
        )

    return f


PROGRAMS["dbr_role_with_policies"] = [prog(dbr_role("/")), prog(dbr_role("/x/")), prog(dbr_role("/x/"))]


def dbr_opt(n, pol=True):
    def f(prefix):
        r = aws.iam.Role(
            "r", name=f"{prefix}-{n}", assume_role_policy=TRUST, opts=ResourceOptions(delete_before_replace=True)
        )
        if pol:
            aws.iam.RolePolicy(
                "p", name=f"{prefix}-p", role=r.name, policy=POL, opts=ResourceOptions(delete_before_replace=True)
            )

    return f


PROGRAMS["dbr_option_rename_dependents"] = [prog(dbr_opt("r1")), prog(dbr_opt("r2")), prog(dbr_opt("r2"))]


def dbr_queue(n):
    def f(prefix):
        q = que("q", f"{prefix}-{n}", opts=ResourceOptions(delete_before_replace=True))
        par("p", f"/{prefix}/p", q.url)
        aws.sqs.QueuePolicy("qp", queue_url=q.url, policy=POL, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_option_queue_policy"] = [prog(dbr_queue("q1")), prog(dbr_queue("q2")), prog(dbr_queue("q2"))]


# --- protect / retain
def prot(n, with_a=True, p=True):
    def f(prefix):
        if with_a:
            que("a", f"{prefix}-{n}", opts=ResourceOptions(protect=p))
        par("b", f"/{prefix}/b", "x")

    return f


def prot2(prefix):
    par("b", f"/{prefix}/b", "changed")
    par("c", f"/{prefix}/c", "new")


PROGRAMS["protect_remove"] = [prog(prot("a")), prog(prot2), prog(prot("a", p=False)), prog(prot2)]
PROGRAMS["protect_replace"] = [prog(prot("a")), prog(prot("z")), prog(prot("a"))]
PROGRAMS["unprotect_and_replace_at_once"] = [prog(prot("a")), prog(prot("z", p=False))]
PROGRAMS["protect_and_replace_at_once"] = [prog(prot("a", p=False)), prog(prot("z", p=True))]
PROGRAMS["destroy_protected"] = [prog(prot("a")), {"destroy": True}]


def protcomp(with_kid=True, p=True, with_comp=True):
    def f(prefix):
        if with_comp:
            Comp(
                "c",
                lambda self, n: que("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self)) if with_kid else None,
                opts=ResourceOptions(protect=p),
            )

    return f


PROGRAMS["protect_component"] = [
    prog(protcomp()),
    prog(protcomp(with_kid=False)),
    prog(protcomp(with_comp=False)),
    {"destroy": True},
]


def ret(n, r=True, with_a=True):
    def f(prefix):
        if with_a:
            que("a", f"{prefix}-{n}", opts=ResourceOptions(retain_on_delete=r))

    return f


PROGRAMS["retain_remove"] = [prog(ret("a")), prog(ret("a", with_a=False))]
PROGRAMS["retain_replace"] = [prog(ret("a")), prog(ret("z"))]
PROGRAMS["retain_new_on_replace"] = [prog(ret("a", False)), prog(ret("z", True))]
PROGRAMS["retain_dropped_on_replace"] = [prog(ret("a", True)), prog(ret("z", False))]
PROGRAMS["retain_destroy"] = [prog(ret("a")), {"destroy": True}]


def retcomp(prefix):
    Comp(
        "c",
        lambda self, n: que("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self)),
        opts=ResourceOptions(retain_on_delete=True),
    )


PROGRAMS["retain_component"] = [prog(retcomp), prog(nothing)]


def ret_dbr(key):
    def f(prefix):
        tab("t", f"{prefix}-t", key, opts=ResourceOptions(retain_on_delete=True, delete_before_replace=True))

    return f


PROGRAMS["retain_replace_same_name"] = [prog(ret_dbr("a")), prog(ret_dbr("b")), prog(ret_dbr("a"))]


def retopt(n, r):
    def f(prefix):
        que("a", f"{prefix}-{n}", opts=ResourceOptions(retain_on_delete=r, delete_before_replace=True))

    return f


PROGRAMS["retain_dbr_rename"] = [prog(retopt("a", True)), prog(retopt("z", True)), {"destroy": True}]


# --- ignore / replaceOnChanges
def ign(v, d, paths):
    def f(prefix):
        par("a", f"/{prefix}/a", v, description=d, opts=ResourceOptions(ignore_changes=paths), tags={"o": v, "k": d})

    return f


PROGRAMS["ignore_top"] = [
    prog(ign("1", "1", ["value"])),
    prog(ign("2", "1", ["value"])),
    prog(ign("3", "2", ["value"])),
]
PROGRAMS["ignore_nested"] = [
    prog(ign("1", "1", ["value", "tags.o"])),
    prog(ign("2", "1", ["value", "tags.o"])),
    prog(ign("3", "2", ["value", "tags.o"])),
]
PROGRAMS["ignore_star"] = [prog(ign("1", "1", ["*"])), prog(ign("2", "2", ["*"]))]


def livef(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/a", Value="live", Type="String", Overwrite=True)


PROGRAMS["ignore_live_drift_then_update"] = [prog(ign("1", "1", ["value"])), do(livef), prog(ign("2", "2", ["value"]))]
PROGRAMS["ignore_live_drift_refresh_update"] = [
    prog(ign("1", "1", ["value"])),
    do(livef),
    prog(ign("2", "2", ["value"]), refresh=True),
]


def roc(v, o, paths):
    def f(prefix):
        par(
            "a",
            f"/{prefix}/a",
            v,
            opts=ResourceOptions(replace_on_changes=paths, delete_before_replace=True),
            tags={"o": o, "k": v},
        )

    return f


PROGRAMS["roc_nested_other_key"] = [
    prog(roc("1", "1", ["tags.o"])),
    prog(roc("2", "1", ["tags.o"])),
    prog(roc("2", "2", ["tags.o"])),
]


def roc_q(r):
    def f(prefix):
        que(
            "q",
            f"{prefix}-q",
            message_retention_seconds=r,
            opts=ResourceOptions(replace_on_changes=["messageRetentionSeconds"]),
        )

    return f


PROGRAMS["roc_same_name_queue"] = [prog(roc_q(60)), prog(roc_q(61)), prog(roc_q(61))]


# --- aliases
def al(n, alias=None):
    def f(prefix):
        par(n, f"/{prefix}/a", "x", opts=ResourceOptions(aliases=[Alias(name=alias)] if alias else None))
        tab(n + "t", f"{prefix}-t", opts=ResourceOptions(aliases=[Alias(name=alias + "t")] if alias else None))

    return f


PROGRAMS["alias_rename"] = [prog(al("old")), prog(al("new", "old"))]


def al_par(inside):
    def f(prefix):
        c = Comp("c", lambda self, n: None)
        que(
            "q",
            f"{prefix}-q",
            opts=ResourceOptions(parent=c, aliases=[Alias(parent=pulumi.ROOT_STACK_RESOURCE)]) if inside else None,
        )

    return f


PROGRAMS["alias_new_parent"] = [prog(al_par(False)), prog(al_par(True))]


def al_comp(n, alias=None):
    def f(prefix):
        Comp(
            n,
            lambda self, name: que("q", f"{prefix}-q", opts=ResourceOptions(parent=self)),
            t="my:c:" + n,
            opts=ResourceOptions(aliases=[Alias(name=alias, type_="my:c:" + alias)] if alias else None),
        )

    return f


PROGRAMS["alias_component"] = [prog(al_comp("One")), prog(al_comp("Two", "One"))]


# --- order
def depon(both=True):
    def f(prefix):
        if both:
            a = que("a", f"{prefix}-a")
            b = par("b", f"/{prefix}/b", opts=ResourceOptions(depends_on=[a]))
            par("c", f"/{prefix}/c", opts=ResourceOptions(depends_on=[b]))

    return f


PROGRAMS["depends_on_delete_order"] = [prog(depon()), prog(nothing)]


def parented(on=True):
    def f(prefix):
        if on:
            a = par("z", f"/{prefix}/z")
            que("a", f"{prefix}-a", opts=ResourceOptions(parent=a))
            c = Comp("c", lambda s, n: que("k", f"{prefix}-k", opts=ResourceOptions(parent=s)))
            par("after", f"/{prefix}/after", opts=ResourceOptions(depends_on=[c]))

    return f


PROGRAMS["parent_delete_order"] = [prog(parented()), prog(nothing)]


def pend(n, pol):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-{n}", assume_role_policy=TRUST)
        if pol:
            aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL)

    return f


PROGRAMS["replaced_while_dependent_removed"] = [
    prog(pend("r1", True)),
    prog(pend("r2", False)),
    prog(pend("r2", False)),
]


def pend2(n):
    def f(prefix):
        p = aws.iam.Policy("pol", name=f"{prefix}-{n}", policy=POL)
        r = aws.iam.Role("r", name=f"{prefix}-r{n}", assume_role_policy=TRUST)
        aws.iam.RolePolicyAttachment("att", role=r.name, policy_arn=p.arn)

    return f


PROGRAMS["replaced_chain"] = [prog(pend2("one")), prog(pend2("two"))]


# --- secrets, exports
def secrets(prefix):
    cfg = pulumi.Config()
    s = cfg.require_secret("pw")
    q = que("q", f"{prefix}-q", opts=ResourceOptions(additional_secret_outputs=["url"]))
    pulumi.export("url", q.url)
    p = par("p", f"/{prefix}/p", s)
    pulumi.export("value", p.value)
    g = que("g", f"{prefix}-g", tags={"t": pulumi.Output.secret("x")})
    pulumi.export("tags", g.tags)
    pulumi.export("gname", g.name)
    par("d", f"/{prefix}/d", "plain", description=pulumi.Output.secret("desc"))
    pulumi.export("cfg", s)
    pulumi.export("plaincfg", cfg.get("pw"))
    pulumi.export("nested", {"a": s, "b": 1, "c": [s.apply(lambda v: v + "!")]})
    pulumi.export("un", pulumi.Output.unsecret(s))
    pulumi.export("concat", pulumi.Output.concat("x", s))
    pulumi.export("obj", cfg.get_object("o"))


SC = {"config": {"diff:o": '{"a": 1}'}, "secret": {"diff:pw": "hush"}}
PROGRAMS["secrets"] = [prog(secrets, **SC), prog(secrets, **SC)]


def exports(prefix):
    q = que("q", f"{prefix}-q", tags={"a": "1"})
    t = tab("t", f"{prefix}-t")
    for k, v in {
        "int": 1,
        "float": 1.5,
        "whole": 2.0,
        "none": None,
        "list": [1, q.name, None],
        "dict": {"x": q.name, "n": None},
        "bool": True,
        "str": "",
        "out_int": q.name.apply(lambda _: 3),
        "out_float": q.name.apply(lambda _: 3.0),
        "tags": t.attributes,
        "id": q.id,
        "urn": q.urn,
    }.items():
        pulumi.export(k, v)


PROGRAMS["exports"] = [prog(exports)]


def exp_res(prefix):
    pulumi.export("res", par("p", f"/{prefix}/p", "v"))


PROGRAMS["export_resource"] = [prog(exp_res)]


def exp_asset(prefix):
    pulumi.export("asset", pulumi.StringAsset("x"))
    pulumi.export("n", que("q", f"{prefix}-q").name)


PROGRAMS["export_asset"] = [prog(exp_asset)]


# --- providers
def prov(tag="1", region="us-east-1"):
    def f(prefix):
        p = aws.Provider(
            "p",
            region=region,
            access_key="test",
            secret_key="test",
            skip_credentials_validation=True,
            default_tags=aws.ProviderDefaultTagsArgs(tags={"d": tag}),
        )
        Comp(
            "c",
            lambda self, n: pulumi.export(
                "arn", que("kid", f"{prefix}-kid", tags={"own": "y"}, opts=ResourceOptions(parent=self)).arn
            ),
            opts=ResourceOptions(providers=[p]),
        )
        que("plain", f"{prefix}-plain")
        pulumi.export("tags", que("direct", f"{prefix}-direct", opts=ResourceOptions(provider=p)).tags_all)

    return f


PROGRAMS["provider_region"] = [prog(prov(region="eu-west-1"), spawn=True)]


# --- failures
def fail(bad, name="a"):
    def f(prefix):
        a = que("a", f"{prefix}-a", message_retention_seconds=60 if bad else 61)
        b = (
            aws.iam.RolePolicy(
                "bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL, opts=ResourceOptions(depends_on=[a])
            )
            if bad
            else None
        )
        par("c", f"/{prefix}/c", "x" if b is None else b.id)
        par("free", f"/{prefix}/free", "x")

    return f


def prefail(prefix):
    que("gone", f"{prefix}-gone")
    que("a", f"{prefix}-a")


PROGRAMS["failure_keeps_removed"] = [prog(prefail), prog(fail(True)), prog(prefail)]


def raising(prefix):
    que("a", f"{prefix}-a")
    raise RuntimeError("boom")


PROGRAMS["program_raises"] = [prog(prefail), prog(raising), prog(prefail)]


def rr(n):
    def f(prefix):
        par("a", f"/{prefix}/{n}", "ours")

    return f


def strange2(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/z", Value="theirs", Type="String")


PROGRAMS["failed_replace_then_revert"] = [prog(rr("a")), do(strange2), prog(rr("z")), prog(rr("a")), prog(rr("a"))]
PROGRAMS["failed_replace_then_other_name"] = [prog(rr("a")), do(strange2), prog(rr("z")), prog(rr("y")), prog(rr("y"))]


def tr(key, name="t"):
    def f(prefix):
        tab("t", f"{prefix}-{name}", key)

    return f


def strange3(prefix, c):
    c("dynamodb").create_table(
        TableName=f"{prefix}-z",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
    )


PROGRAMS["failed_table_rename_then_revert"] = [
    prog(tr("a")),
    do(strange3),
    prog(tr("a", "z")),
    prog(tr("a")),
    prog(tr("a")),
]


def chain(n, bad):
    def f(prefix):
        a = que("a", f"{prefix}-{n}")
        aws.iam.RolePolicy(
            "bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL, opts=ResourceOptions(depends_on=[a])
        ) if bad else None

    return f


PROGRAMS["replace_then_later_failure_then_revert"] = [
    prog(chain("one", False)),
    prog(chain("two", True)),
    prog(chain("one", False)),
    prog(chain("one", False)),
]


def bfull(with_b):
    def f(prefix):
        if with_b:
            aws.s3.Bucket("b", bucket=f"{prefix}-full")
        par("x", f"/{prefix}/x")

    return f


def fill(prefix, c):
    c("s3").put_object(Bucket=f"{prefix}-full", Key="k", Body=b"x")


def empty(prefix, c):
    c("s3").delete_object(Bucket=f"{prefix}-full", Key="k")


PROGRAMS["delete_refused_then_retry"] = [prog(bfull(True)), do(fill), prog(bfull(False)), do(empty), prog(bfull(False))]


# --- behind the back
def two(prefix):
    a = que("a", f"{prefix}-a", message_retention_seconds=60)
    par("b", f"/{prefix}/b", "v")
    par("c", f"/{prefix}/c", a.url)


def gone(prefix, c):
    c("ssm").delete_parameter(Name=f"/{prefix}/b")


PROGRAMS["deleted_behind"] = [prog(two), do(gone), prog(two), prog(two, refresh=True)]


def two_upd(prefix):
    a = que("a", f"{prefix}-a", message_retention_seconds=60)
    par("b", f"/{prefix}/b", "v2")
    par("c", f"/{prefix}/c", a.url)


PROGRAMS["deleted_behind_then_update"] = [prog(two), do(gone), prog(two_upd), prog(two_upd, refresh=True)]


# --- identities
def swap(kind, x, y):
    def f(prefix):
        k = {
            "q": lambda n, v: que(n, f"{prefix}-{v}"),
            "p": lambda n, v: par(n, f"/{prefix}/{v}", n),
            "l": lambda n, v: aws.cloudwatch.LogGroup(n, name=f"/{prefix}/{v}", retention_in_days=7),
        }[kind]
        k("one", x)
        k("two", y)

    return f


PROGRAMS["swap_names_queue"] = [prog(swap("q", "a", "b")), prog(swap("q", "b", "a")), prog(swap("q", "b", "a"))]
PROGRAMS["swap_names_param"] = [prog(swap("p", "a", "b")), prog(swap("p", "b", "a")), prog(swap("p", "b", "a"))]


def ren(kind, n):
    def f(prefix):
        {
            "q": lambda: que(n, f"{prefix}-x"),
            "p": lambda: par(n, f"/{prefix}/x", "v"),
            "l": lambda: aws.cloudwatch.LogGroup(n, name=f"/{prefix}/x"),
            "b": lambda: aws.s3.Bucket(n, bucket=f"{prefix}-x"),
            "s": lambda: aws.sns.Topic(n, name=f"{prefix}-x"),
            "t": lambda: tab(n, f"{prefix}-x"),
        }[kind]()

    return f


for k in "qplbst":
    PROGRAMS[f"renamed_same_physical_{k}"] = [prog(ren(k, "old")), prog(ren(k, "new")), prog(ren(k, "new"))]


# --- import, get
def mk(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/i", Value="v", Type="String")
    c("sqs").create_queue(QueueName=f"{prefix}-i")


def imp(with_import, v="v"):
    def f(prefix):
        par("i", f"/{prefix}/i", v, opts=ResourceOptions(import_=f"/{prefix}/i") if with_import else None)

    return f


PROGRAMS["import_mismatch"] = [do(mk), prog(imp(True, "other"))]


def getp(prefix):
    p = aws.ssm.Parameter.get("i", f"/{prefix}/i")
    pulumi.export("v", p.value)
    par("u", f"/{prefix}/u", p.name)


def getmissing(prefix):
    p = aws.ssm.Parameter.get("i", f"/{prefix}/nope")
    pulumi.export("v", p.value)


PROGRAMS["get"] = [do(mk), prog(getp), prog(getp), prog(nothing)]
PROGRAMS["get_missing"] = [prog(getmissing)]
PROGRAMS["managed_to_get"] = [
    prog(rr("i")),
    prog(lambda prefix: pulumi.export("v", aws.ssm.Parameter.get("a", f"/{prefix}/i").name)),
]
PROGRAMS["get_to_managed"] = [do(mk), prog(getp), prog(imp(False))]


def sref(prefix):
    r = pulumi.StackReference("organization/diff/none")
    pulumi.export("x", r.get_output("a"))


PROGRAMS["stack_reference"] = [prog(sref)]


# --- preview unknowns
def cond(prefix):
    a = que("a", f"{prefix}-a")
    a.url.apply(lambda u: par("inner", f"/{prefix}/inner", u))
    par("c", f"/{prefix}/c", a.url.apply(lambda u: u.upper()))
    pulumi.export("u", a.url.apply(lambda u: u + "!"))


def cond2(prefix):
    a = que("a", f"{prefix}-a2")
    a.url.apply(lambda u: par("inner", f"/{prefix}/inner", u))
    par("c", f"/{prefix}/c", a.url.apply(lambda u: u.upper()))


PROGRAMS["preview_unknown_apply"] = [prog(cond), prog(cond), prog(cond2)]


def upd_unknown(r):
    def f(prefix):
        a = que("a", f"{prefix}-a", message_retention_seconds=r)
        par("dep", f"/{prefix}/dep", a.url)
        par("dep2", f"/{prefix}/dep2", a.message_retention_seconds.apply(str))

    return f


PROGRAMS["preview_update_known_outputs"] = [prog(upd_unknown(60)), prog(upd_unknown(61))]


def fnver(d):
    def f(prefix):
        p = par("a", f"/{prefix}/a", "v", description=d)
        par("b", f"/{prefix}/b", p.version.apply(str))

    return f


PROGRAMS["update_changes_computed_output"] = [prog(fnver("1")), prog(fnver("2")), prog(fnver("2"))]


# --- urns and others
def nested(prefix):
    Comp(
        "x",
        lambda s, n: Comp(
            "y",
            lambda s2, n2: que("q", f"{prefix}-q1", opts=ResourceOptions(parent=s2)),
            t="my:c:In",
            opts=ResourceOptions(parent=s),
        ),
        t="my:c:One",
    )
    Comp(
        "z",
        lambda s, n: Comp(
            "y2",
            lambda s2, n2: que("q", f"{prefix}-q2", opts=ResourceOptions(parent=s2)),
            t="my:c:In",
            opts=ResourceOptions(parent=s),
        ),
        t="my:c:Two",
    )


PROGRAMS["nested_components_same_leaf"] = [prog(nested)]


PROGRAMS["none_in_path"] = [prog(lambda prefix: par("n", f"/{prefix}/None/x", "a"))]
PROGRAMS["twice"] = [prog(lambda prefix: (que("a", f"{prefix}-a"), que("a", f"{prefix}-a")))]


def delwith(on):
    def f(prefix):
        if on:
            r = aws.iam.Role("r", name=f"{prefix}-r", assume_role_policy=TRUST)
            par("p", f"/{prefix}/p", opts=ResourceOptions(deleted_with=r))

    return f


PROGRAMS["deleted_with"] = [prog(delwith(True)), prog(nothing)]


def rtrig(v):
    def f(prefix):
        par("p", f"/{prefix}/p", opts=ResourceOptions(replacement_trigger=v, delete_before_replace=True))

    return f


PROGRAMS["replacement_trigger"] = [prog(rtrig("1")), prog(rtrig("2"))]


def rwith(n):
    def f(prefix):
        q = que("q", f"{prefix}-{n}")
        par("p", f"/{prefix}/p", opts=ResourceOptions(replace_with=[q], delete_before_replace=True))

    return f


PROGRAMS["replace_with"] = [prog(rwith("one")), prog(rwith("two"))]


def transf(prefix):
    def t(args):
        return pulumi.ResourceTransformResult(props={**args.props, "value": "transformed"}, opts=args.opts)

    p = par("p", f"/{prefix}/p", "raw", opts=ResourceOptions(transforms=[t]))
    pulumi.export("v", p.name)


PROGRAMS["transforms"] = [prog(transf)]


def hooked(prefix):
    h = pulumi.ResourceHook("h", lambda args: None)
    par("p", f"/{prefix}/p", "raw", opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[h])))


PROGRAMS["hooks"] = [prog(hooked)]


def regout(prefix):
    Comp("c", lambda s, n: None)
    pulumi.export("o", pulumi.get_organization())
    pulumi.export("s", [pulumi.get_project()])
    pulumi.log.warn("careful")


PROGRAMS["component_only"] = [prog(regout), prog(nothing)]


def typ(t):
    def f(prefix):
        par("x", f"/{prefix}/x") if t == 1 else que("x", f"{prefix}-x")

    return f


PROGRAMS["type_changed_same_name"] = [prog(typ(1)), prog(typ(2))]


def topicpol(n):
    def f(prefix):
        t = aws.sns.Topic("t", name=f"{prefix}-{n}", opts=ResourceOptions(delete_before_replace=True))
        q = que("q", f"{prefix}-q")
        aws.sns.TopicSubscription(
            "s", topic=t.arn, protocol="sqs", endpoint=q.arn, opts=ResourceOptions(delete_before_replace=True)
        )

    return f


PROGRAMS["dbr_topic_subscription"] = [prog(topicpol("t1")), prog(topicpol("t2")), prog(topicpol("t2"))]


def fifo(on):
    def f(prefix):
        t = aws.sns.Topic(
            "t",
            name=f"{prefix}-t" + (".fifo" if on else ""),
            fifo_topic=on or None,
            opts=ResourceOptions(delete_before_replace=True),
        )
        par("p", f"/{prefix}/p", t.arn)

    return f


PROGRAMS["topic_fifo"] = [prog(fifo(False)), prog(fifo(True))]


# --- kill
def killp(prefix):
    a = que("a", f"{prefix}-a")
    b = par("b", f"/{prefix}/b", a.url)
    k = aws.kms.Key("k", description=prefix, opts=ResourceOptions(depends_on=[b]))
    par("c", f"/{prefix}/c", "x", opts=ResourceOptions(depends_on=[k]))


PROGRAMS["kill_after_create"] = [prog(killp, kill="create=/{prefix}/b"), prog(killp), prog(killp)]
PROGRAMS["kill_after_create_no_identity"] = [prog(killp, kill="create=?"), prog(killp)]
PROGRAMS["kill_during_replace"] = [
    prog(rr("a")),
    prog(rr("z"), kill="create=/{prefix}/z"),
    prog(rr("a")),
    prog(rr("a")),
]
PROGRAMS["kill_during_replace_same"] = [
    prog(rr("a")),
    prog(rr("z"), kill="create=/{prefix}/z"),
    prog(rr("z")),
    prog(rr("z")),
]
PROGRAMS["kill_in_dbr"] = [prog(tr("a")), prog(tr("b"), kill="delete={prefix}-t"), prog(tr("b"))]


# Each one depends on the one before, so that one deletion at a time can be under way when it is killed.
def in_order(prefix):
    a = que("a", f"{prefix}-a", message_retention_seconds=60)
    b = par("b", f"/{prefix}/b", a.url)
    par("c", f"/{prefix}/c", b.value)


PROGRAMS["kill_in_delete"] = [prog(in_order), prog(nothing, kill="delete=/{prefix}/b"), prog(nothing)]

# --- second round
PROGRAMS["failed_replace_then_destroy"] = [prog(rr("a")), do(strange2), prog(rr("z")), {"destroy": True}]


def dbr_fail(n, key):
    def f(prefix):
        tab("t", f"{prefix}-{n}", key, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_create_fails_then_revert"] = [
    prog(dbr_fail("t", "a")),
    do(strange3),
    prog(dbr_fail("z", "a")),
    prog(dbr_fail("t", "a")),
    prog(dbr_fail("t", "a")),
]


def retable(n, r=True):
    def f(prefix):
        tab("t", f"{prefix}-{n}", "a", opts=ResourceOptions(retain_on_delete=r))

    return f


PROGRAMS["failed_replace_retained_then_revert"] = [
    prog(retable("t")),
    do(strange3),
    prog(retable("z")),
    prog(retable("t")),
    prog(retable("t")),
]


def dbr_protdep(path):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-r", path=path, assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL, opts=ResourceOptions(protect=True))

    return f


PROGRAMS["dbr_protected_dependent"] = [prog(dbr_protdep("/")), prog(dbr_protdep("/x/"))]


PROGRAMS["stranger_then_rename_same_physical"] = [
    prog(ren("p", "old")),
    prog(ren("p", "new")),
    prog(ren("p", "new")),
    prog(ren("p", "new")),
]


def numbers(v):
    def f(prefix):
        que("q", f"{prefix}-q", message_retention_seconds=v, tags={"n": "1"})

    return f


PROGRAMS["number_forms"] = [
    prog(numbers(60)),
    prog(numbers(60.0)),
    prog(numbers(pulumi.Output.from_input(60)) if False else numbers(60)),
]


# --- third round


def stacktrans(prefix):
    def t(args):
        return pulumi.ResourceTransformResult(props={**args.props, "value": "transformed"}, opts=args.opts)

    pulumi.runtime.register_resource_transform(t)
    par("p", f"/{prefix}/p", "raw")


PROGRAMS["stack_transform"] = [prog(stacktrans)]


def oldtrans(prefix):
    def t(args):
        return pulumi.ResourceTransformationResult(props={**args.props, "description": "T"}, opts=args.opts)

    par("p", f"/{prefix}/p", "raw", opts=ResourceOptions(transformations=[t]))


PROGRAMS["transformations"] = [prog(oldtrans)]


def order_move(n, extra):
    def f(prefix):
        a = aws.iam.Role("a", name=f"{prefix}-{n}", assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=a.name, policy=POL)
        if extra:
            que("q", f"{prefix}-q", opts=ResourceOptions(depends_on=[a]))

    return f


PROGRAMS["replace_and_remove_dependent_by_dependson"] = [prog(order_move("a", True)), prog(order_move("b", False))]


def unset(v):
    def f(prefix):
        par("a", f"/{prefix}/a", "v", **v)

    return f


PROGRAMS["input_removed"] = [prog(unset({"description": "d", "tags": {"x": "1"}})), prog(unset({}))]


def dup_export(prefix):
    pulumi.export("a", 1)
    pulumi.export("a", 2)


PROGRAMS["export_twice"] = [prog(dup_export)]


def many_fail(prefix):
    for i in range(6):
        que(f"q{i}", f"{prefix}-q{i}")
    aws.iam.RolePolicy("bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL)
    aws.iam.RolePolicy("bad2", name=f"{prefix}-bad2", role=f"{prefix}-nope", policy=POL)


PROGRAMS["two_failures"] = [prog(many_fail)]


def log_err(prefix):
    que("a", f"{prefix}-a")
    pulumi.log.error("something is wrong")


PROGRAMS["log_error"] = [prog(log_err)]


# --- fifth round


def dbr_q_same(r):
    def f(prefix):
        q = que(
            "q",
            f"{prefix}-q",
            message_retention_seconds=r,
            opts=ResourceOptions(delete_before_replace=True, replace_on_changes=["messageRetentionSeconds"]),
        )
        aws.sqs.QueuePolicy("qp", queue_url=q.url, policy=POL, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_queue_same_name_policy"] = [prog(dbr_q_same(60)), prog(dbr_q_same(61)), prog(dbr_q_same(61))]


def dbr_table_scaling(key):
    def f(prefix):
        t = aws.dynamodb.Table(
            "t",
            name=f"{prefix}-t",
            billing_mode="PROVISIONED",
            read_capacity=1,
            write_capacity=1,
            hash_key=key,
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S")],
            opts=ResourceOptions(delete_before_replace=True),
        )
        aws.appautoscaling.Target(
            "tg",
            service_namespace="dynamodb",
            resource_id=pulumi.Output.concat("table/", t.name),
            scalable_dimension="dynamodb:table:ReadCapacityUnits",
            min_capacity=1,
            max_capacity=5,
            opts=ResourceOptions(delete_before_replace=True),
        )

    return f


PROGRAMS["dbr_table_with_scaling"] = [prog(dbr_table_scaling("a")), prog(dbr_table_scaling("b"))]


def dbr_three(path):
    def f(prefix):
        r = aws.iam.Role(
            "r",
            name=f"{prefix}-r",
            path=path,
            assume_role_policy=TRUST,
            opts=ResourceOptions(delete_before_replace=True),
        )
        par("p", f"/{prefix}/p", r.arn)
        q = que("q", f"{prefix}-q")
        par("p2", f"/{prefix}/p2", q.url, opts=ResourceOptions(depends_on=[r]))

    return f


PROGRAMS["dbr_updatable_dependents"] = [prog(dbr_three("/")), prog(dbr_three("/x/"))]


PROGRAMS["retain_pending_flag_from_old"] = [prog(ret("a", True)), prog(ret("a", False)), prog(ret("z", False))]


def keepcomp(protected, kid):
    def f(prefix):
        Comp(
            "c",
            lambda self, n: (
                que("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self, protect=False)) if kid else None
            ),
            opts=ResourceOptions(protect=protected),
        )

    return f


PROGRAMS["protect_component_child_false"] = [prog(keepcomp(True, True)), prog(keepcomp(True, False)), prog(nothing)]
