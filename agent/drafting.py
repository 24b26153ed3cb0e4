"""Owns how a task comes to a plan: the model's draft, questions that only people can answer, and
their consent where it is wanted.
"""

import re

from agent import approvals, plans
from agent import protocol as p
from agent.course import Course, End, Interrupted
from agent.planning import PlanReply, PlanRequest, make_plan
from agent.purse import rested

MOST_QUESTIONS = 3
"""Of one task; then it must be decided or given up."""
MOST_REPAIRS = 2
"""How often a task plans anew after a step that did not work out."""
PLAN_FIRST = re.compile(r"\bplan first\b", re.IGNORECASE)


class Drafting:
    """Rebuilt by replay like the course it belongs to."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._trouble = ""
        self._repairs = 0
        self._planned_seq = course.reading.seen
        self._agreed: set[str] = set()
        """Steps that people agreed to, as they were shown them."""

    def mend(self, end: End) -> bool:
        """Whether to plan anew after this end."""
        self._repairs += 1
        if not end.mendable or self._repairs > MOST_REPAIRS:
            return False
        self._trouble = end.summary
        course = self._course
        course.report.rethinks(course.plan, "Looking for another way.")
        return True

    async def draft(self) -> End | None:
        """Have a plan with something to do, or tell how the task ends without one.

        Raises:
            Interrupted: a message came first.
            TerminalError: stopped, or something failed for good.
        """
        course = self._course
        while True:
            reply = await self._ask_model()
            plan = reply.plan
            if plan is None:
                ended: p.Outcome = "blocked" if reply.blocked else "failed"
                return End("stopped" if reply.stopped else ended, reply.problem)
            if not plan.question:
                break
            unanswered = await self._ask_people(plan)
            if unanswered is not None:
                return unanswered
        if not plan.steps and self._trouble:
            course.report.note = ""
            return End("blocked", plan.answer)
        if not plan.steps and not course.has_plan:
            return End("answered", plan.answer)
        self._adopt(plan)
        return await self._agree()

    # --- the model ------------------------------------------------------------------------------

    async def _ask_model(self) -> PlanReply:
        course = self._course
        reading = course.reading
        await course.take_in()
        began = course.repository.record.repository is not None
        worked = began or course.has_plan or reading.has_project
        if worked:
            await course.intake.look_around(course.fence)
        request = PlanRequest(
            task=course.key,
            thread=course.thread,
            requester=reading.requester,
            seen_seq=reading.seen,
            allowance=course.allowance,
            config=course.config,
            messages=reading.messages,
            digests=reading.digests,
            summary=reading.summary,
            context=reading.context,
            plan=course.plan if course.has_plan else None,
            seen_before=self._planned_seq,
            files=course.intake.project.files,
            guidance=course.intake.project.guidance,
            repository=course.repository.describe(),
            answers=course.answers,
            trouble=self._trouble,
            sandbox=course.files.ref,
        )
        reply = await course.race(course.ctx.service_call(make_plan, request))
        if reply is not None:
            course.report.usage += reply.usage
            course.report.model = reply.model or course.report.model
            course.allowance = reply.allowance or course.allowance
            course.report.spends(course.config, course.allowance)
        if reply is None or course.child.interrupted:
            raise Interrupted
        return reply

    def _adopt(self, plan: p.Plan) -> None:
        """Go on with `plan`; an answer without steps leaves the running plan as it is."""
        course, report = self._course, self._course.report
        if not plan.steps:
            report.note = ""
            report.answer(plan.answer, course.reading.seen)
            plan = course.plan
        elif course.has_plan:
            why = self._why_anew()
            plan = plans.take_over(course.plan, plan)
            report.note = plans.change_note(plan, why)
        self._planned_seq = course.reading.seen
        self._trouble = ""
        course.adopt(plan)

    def _why_anew(self) -> str:
        """Ends the words "New plan …"."""
        fresh = [m for m in self._course.reading.messages if m.seq > self._planned_seq]
        names = dict.fromkeys(m.author.name or f"<@{m.author.user_id}>" for m in fresh)
        if names:
            did = "changed a message" if all(m.edit for m in fresh) else "wrote again"
            if all(m.edit and not m.text for m in fresh):
                did = "took a message back"
            return f"after {' and '.join(names)} {did}"
        return "because a step did not work out"

    # --- people ---------------------------------------------------------------------------------

    async def _ask_people(self, plan: p.Plan) -> End | None:
        """Put the planner's question to people; None when it is answered."""
        number = len(self._course.answers) + 1
        if number > MOST_QUESTIONS:
            return End("blocked", plan.question)
        request = await self._course.asker.request(
            f"question {number}", plan.question, options=plan.options
        )
        outcome = await self._wait(request)
        answered = outcome is not None and outcome.verdict == "answered"
        self._course.answers.append(
            p.Answered(
                question=plan.question,
                answer=outcome.answer if outcome else "",
                by=outcome.by if outcome else None,
            )
        )
        if self._course.child.interrupted:
            raise Interrupted
        if answered:
            return None
        return End("blocked", f"Nobody answered in time: {plan.question} Write again to go on.")

    async def _agree(self) -> End | None:
        """People's consent to what is new in the plan; None when it is given or not wanted."""
        course = self._course
        ahead = set(plans.proposed(course.plan))
        if not self._wants_consent() or ahead <= self._agreed:
            return None
        course.report.show_plan(course.plan, "waiting", proposed=True)
        request = await course.asker.request(
            f"plan {course.plans_made}",
            course.plan.goal,
            kind="plan",
            detail=plans.as_proposal(course.plan),
        )
        outcome = await self._wait(request)
        if course.child.interrupted:
            raise Interrupted
        assert outcome is not None
        if outcome.verdict == "approved":
            self._agreed |= ahead
            course.report.show_plan(course.plan, "working")
            return None
        if outcome.verdict == "denied" and outcome.by is not None:
            who = outcome.by.name or outcome.by.user_id
            return End("stopped", f"{who} did not approve the plan. Write what to do instead.")
        return End("blocked", "Nobody approved the plan in time. Write again to go on.")

    def _wants_consent(self) -> bool:
        said = (message.text for message in self._course.reading.messages)
        return self._course.config.plan_first or any(PLAN_FIRST.search(text) for text in said)

    async def _wait(self, request: p.ApprovalRequest) -> p.ApprovalOutcome | None:
        """The outcome; of one that a message closed, None."""
        course = self._course
        course.allowance = rested(course.asker, course.allowance)
        call = course.ctx.workflow_call(approvals.run, request.approval, request)
        return await course.race(call)
