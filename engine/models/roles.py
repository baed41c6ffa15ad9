"""Which live model plays which role in a run."""

from __future__ import annotations

from dataclasses import dataclass

from engine.models.base import ScoreModel, TextModel


@dataclass(frozen=True, slots=True)
class Models:
    """The live models of a run, generators in the profile's order. One object may play several parts."""

    generators: tuple[TextModel, ...]
    judge: TextModel | ScoreModel
    difficulty: ScoreModel
    solver: TextModel
    reward: ScoreModel

    @property
    def distinct(self) -> list[TextModel | ScoreModel]:
        """Every model once."""
        every = (*self.generators, self.judge, self.difficulty, self.solver, self.reward)
        return list({id(model): model for model in every}.values())
