"""The loaded models of a run, by role."""

from dataclasses import dataclass

from engine.models.base import ScoreModel, TextModel


@dataclass(frozen=True, slots=True)
class Models:
    """Generators are in the profile's order. One model may have several roles; None where the profile has none: of
    difficulty, where the solver's confidence tells it."""

    generators: tuple[TextModel, ...]
    judge: TextModel | ScoreModel | None
    difficulty: ScoreModel | None
    solver: TextModel
    reward: ScoreModel | None

    @property
    def distinct(self) -> list[TextModel | ScoreModel]:
        """Every model once."""
        every = (*self.generators, self.judge, self.difficulty, self.solver, self.reward)
        return list({id(model): model for model in every if model is not None}.values())
