"""`skillloop judge`: how well the judge agrees with you, its versions, and which of them judges."""

from skillloop import config, llm
from skillloop.commands.options import App, budget_option, flag, option, picked, verb
from skillloop.errors import UsageError
from skillloop.evaluate import judge, judge_versions
from skillloop.skills import history


@verb(flag("--try improve"), option("--pin", metavar="ID"), flag("--unpin"), budget_option)
def command(app: App, improve: bool, pin: str | None, unpin: bool, budget: float | None) -> None:
    """Show how well the judge, a model, agrees with your decisions, and list its versions; try or pin one."""
    if improve + unpin + (pin is not None) > 1:
        raise UsageError("--try, --pin and --unpin exclude each other")
    rules = config.load(app.home)
    model = rules.model.careful
    with app.store() as store:
        if improve:
            account = f"judge:{len(store.audit.entries(judge.CHANGED))}"
            client = llm.connect(llm.limited(rules, budget), store, account)
            if client is None:
                raise UsageError(f"no model can be asked: {llm.choose(rules)[1]}")
            heads = (store.versions.head(str(path)) for path in store.skills())
            texts = [history.text(store, each.sha) for each in heads if each]
            judge_versions.improve(client, store, model, texts)
        elif unpin or pin is not None:
            version, _ = judge_versions.known(store).get(pin or judge.in_force(store).id, (None, ""))
            if version is None:
                raise UsageError(f"there is no version {pin!r} of the judge", "`skillloop judge` lists them")
            action = f"judge --pin {pin}" if pin else "judge --unpin"
            by = app.require_person(action, version.id, dialog=False)
            why = f"{'pinned' if pin else 'unpinned'} by you, by {by}"
            judge_versions.record(store, version, why, put=True, pinned=bool(pin))
        now, stays = judge.in_force(store), judge_versions.pinned(store)
        versions = [
            picked(version, "id", "prompt", "rubric")
            | {"in_force": version == now, "pinned": version == now and stays}
            | {"agreement": judge.status(store, model, version)[1], "why": why}
            for version, why in judge_versions.known(store).values()
        ]
    lines = [
        f"{'*' if each['in_force'] else ' '} {each['id']}  {each['prompt']}{', pinned' * bool(each['pinned'])}:"
        f" {each['agreement']}\n    {each['why']}"
        + "".join(f"\n    | {line}" for line in str(each["rubric"]).splitlines())
        for each in versions
    ]
    app.tell({"model": model, "versions": versions}, *lines)
